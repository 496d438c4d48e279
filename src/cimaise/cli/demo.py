"""``cimaise demo``: something to look at."""

import click


@click.command()
def demo() -> None: ...
