"""``cimaise cleanup``: one run of the jobs that give back what nothing needs any more."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json
from cimaise.cli.refusal import Refused

if TYPE_CHECKING:
    from cimaise.web.services import Services


@click.command()
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be freed.")
@common
@AS_JSON
def cleanup(dry_run: bool, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Give back what nothing needs any more.

    Ends uploads that are past their time and deletes bytes that no record needs. The server does this by itself every hour. What is still within its time is never touched.
    """
    settings = load_settings(config, data_dir).settings
    freed = with_services(settings, count_due if dry_run else run_jobs)
    if as_json:
        print_json({"dry_run": dry_run, "freed": freed})
        return
    verb = "would be freed" if dry_run else "freed"
    for name, count in freed.items():
        click.echo(f"{count:>8}  {name.replace('-', ' ')} {verb}")


async def run_jobs(services: "Services") -> dict[str, int]:
    """Run every job that cleans up once, now; gives how many things each did.

    Raises:
        Refused: A server is at one of them just now.
    """
    from cimaise.jobs.table import jobs
    from cimaise.jobs.turns import take_turn

    freed = {}
    for job in (job for job in jobs(services.storage) if job.is_cleanup):
        done = await take_turn(
            job, state=services.state, database=services.database, clock=services.clock
        )
        if done is None:
            raise Refused(f"A server is at {job.name} just now: try again in a minute.")
        freed[job.name] = done
    return freed


async def count_due(services: "Services") -> dict[str, int]:
    """How many things :func:`run_jobs` would do, by the same names."""
    from sqlalchemy import Connection, func, select

    from cimaise.database.schema import discarded_objects
    from cimaise.uploads.session import find_expired

    now = services.clock()

    def work(connection: Connection) -> dict[str, int]:
        discarded = select(func.count()).where(discarded_objects.c.not_before <= now)
        return {
            "abandoned-uploads": len(find_expired(connection, now=now, limit=_ALL)),
            "discarded-objects": connection.execute(discarded).scalar_one(),
        }

    return await services.database.read(work)


_ALL = 1_000_000
