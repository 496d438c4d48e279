"""``cimaise demo``: something to look at on the first day."""

from pathlib import Path

import click

from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json
from cimaise.cli.refusal import os_fault


@click.command()
@common
@AS_JSON
def demo(data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Fill two albums with generated pictures.

    They are folders of the data folder, under albums/. Albums that are there already are left as
    they are, so this may be run again.
    """
    albums_dir = load_settings(config, data_dir).settings.data.dir.absolute() / "albums"
    from cimaise.cli.demo_pictures import make_demo_albums

    try:
        made = make_demo_albums(albums_dir)
    except OSError as fault:
        raise os_fault("The albums cannot be written", fault) from fault
    names = [str(name) for name in made]
    if as_json:
        print_json({"albums_dir": str(albums_dir), "made": names})
    elif names:
        click.echo(f"Made in {albums_dir}: {', '.join(names)}.")
    else:
        click.echo(f"The albums are in {albums_dir} already; nothing was changed.")
