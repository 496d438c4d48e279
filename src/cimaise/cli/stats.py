"""``cimaise stats``: uploads by day and account."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, print_table, shown_bytes

if TYPE_CHECKING:
    from cimaise.uploads.statistics import Statistics, Tally
    from cimaise.web.services import Services

_HEAD = ("DAY", "ACCOUNT", "BEGUN", "COMPLETED", "SUCCESS", "MEAN TIME", "BYTES")


@click.command()
@click.option("--from", "first", metavar="DAY", help="First day, such as 2026-03-01.")
@click.option("--to", "last", metavar="DAY", help="Last day; today where nothing is said.")
@click.option("--account", metavar="NAME", help="Of this account only.")
@common
@AS_JSON
def stats(
    *,
    first: str | None,
    last: str | None,
    account: str | None,
    data_dir: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Uploads by day and account: how many, how well, how long, how much.

    Of the last thirty days (UTC), unless --from says otherwise; at most a year.
    """
    settings = load_settings(config, data_dir).settings

    async def ask(services: "Services") -> "Statistics":
        from cimaise.uploads.statistics import MAX_LIMIT, Question

        return await services.uploads.statistics.tell(
            Question(first, last, account, limit=MAX_LIMIT)
        )

    told = with_services(settings, ask)
    if as_json:
        from cimaise.uploads.statistics import statistics_json

        print_json(statistics_json(told))
        return
    rows = [(row.day, row.account, *_cells(row.tally)) for row in told.rows]
    print_table(_HEAD, [*rows, ("all", "", *_cells(told.total))])
    if told.next_cursor is not None:
        click.echo("More rows than fit here: ask for fewer days, or for one account.", err=True)


def _cells(tally: "Tally") -> tuple[str, ...]:
    rate, mean = tally.success_rate, tally.mean_duration_s
    return (
        str(tally.begun),
        str(tally.completed),
        "-" if rate is None else f"{rate:.0%}",
        "-" if mean is None else f"{mean:.1f} s",
        shown_bytes(tally.bytes),
    )
