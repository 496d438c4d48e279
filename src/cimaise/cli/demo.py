"""``cimaise demo``: something to look at on the first day."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
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

    They are folders of the data folder, under albums/. Pictures that are there already are left
    as they are, so this may be run again.
    """
    albums_dir = load_settings(config, data_dir).settings.data.dir.absolute() / "albums"
    from cimaise.cli.demo_pictures import make_demo_albums

    try:
        with _shown(albums_dir) as on_picture:
            made = make_demo_albums(albums_dir, now=datetime.now(UTC), on_picture=on_picture)
    except OSError as fault:
        raise os_fault("The albums cannot be written", fault) from fault
    if as_json:
        print_json({"albums_dir": str(albums_dir), "made": [str(picture) for picture in made]})
    elif made:
        click.echo(f"Made {len(made)} pictures in {albums_dir}.")
    else:
        click.echo(f"The demo albums are in {albums_dir} already; nothing was changed.")


@contextmanager
def _shown(albums_dir: Path) -> Iterator[Callable[[Path], None]]:
    """A bar on a terminal, elsewhere a line for each picture; on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    from cimaise.cli.demo_pictures import DEMO_ALBUMS

    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda path: click.echo(str(path), err=True)
        return
    total = sum(len(album.captions) for album in DEMO_ALBUMS)
    there = sum(len(list((albums_dir / album.name).glob("*.jpg"))) for album in DEMO_ALBUMS)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Drawing pictures", total=total, completed=min(there, total))
        yield lambda _path: progress.advance(task)
