"""``cimaise cleanup``: one run of the jobs that give back what nothing needs any more."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cimaise.cli.counting import counting
from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, DURATION, common, load_settings
from cimaise.cli.printing import print_json, shown_bytes

if TYPE_CHECKING:
    from cimaise.library.discarded import Freed
    from cimaise.uploads.cleanup import CleanupReport
    from cimaise.web.services import Services


@click.command()
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be freed.")
@click.option(
    "--older-than",
    type=DURATION,
    metavar="DURATION",
    help="Also end unfinished uploads that nobody has touched for so long, such as 90m or 24h.",
)
@common
@AS_JSON
def cleanup(
    dry_run: bool,
    older_than: float | None,
    data_dir: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Give back what nothing needs any more.

    Ends uploads that are past their time, gives up deleted files that are kept no longer, and deletes bytes that no record needs, those too that the storage refused to delete before. The server does this by itself every hour. What is still within its time is never touched, unless --older-than says so.
    """
    settings = load_settings(config, data_dir).settings
    age = None if older_than is None else timedelta(seconds=older_than)

    async def run(services: "Services") -> "CleanupReport":
        with counting(quiet=as_json or dry_run) as count:
            return await services.uploads.cleanup.run(
                dry_run=dry_run,
                older_than=age,
                on_step=lambda name, done: count(name, done.count, done.bytes),
            )

    report = with_services(settings, run)
    if as_json:
        print_json(
            {
                "dry_run": report.is_dry_run,
                "bytes_freed": report.bytes,
                "freed": {name: one.count for name, one in report.freed.items()},
                "bytes": {name: one.bytes for name, one in report.freed.items()},
                "refused": {name: one.refused for name, one in report.freed.items() if one.refused},
            }
        )
        return
    verb = "would be freed" if dry_run else "freed"
    for name, one in report.freed.items():
        size = f", {shown_bytes(one.bytes)}" if one.bytes else ""
        click.echo(f"{one.count:>8}  {name.replace('-', ' ')} {verb}{size}{_refused(one, dry_run)}")


def _refused(one: "Freed", is_dry_run: bool) -> str:
    if not one.refused:
        return ""
    before = "of which the storage refused" if is_dry_run else "and the storage refused"
    return f"; {before} {one.refused}, which every run tries again"
