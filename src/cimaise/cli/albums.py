"""``cimaise albums``: the index of the folder albums."""

from dataclasses import asdict
from pathlib import Path

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json


@click.group()
def albums() -> None:
    """Look after the albums that are folders of the data folder."""


@albums.command()
@common
@AS_JSON
@click.option("--every-file", is_flag=True, help="Look at every file, in unchanged folders too.")
def scan(data_dir: str | None, config: Path | None, as_json: bool, every_file: bool) -> None:
    """Bring the index of the folder albums up to date: sizes, dates and captions of pictures.

    The server does this by itself when an album is looked at; afterwards its first page is quick.
    A folder in which no name has come, gone or changed is passed over for a day.
    """
    report = with_services(
        load_settings(config, data_dir).settings,
        lambda services: services.catalogue.scan(every_file=every_file),
    )
    facts = asdict(report)
    if as_json:
        print_json(facts)
        return
    for name, count in facts.items():
        click.echo(f"{count:>8}  {name.replace('_', ' ')}")
