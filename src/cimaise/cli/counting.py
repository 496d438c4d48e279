"""Progress of work whose end nobody knows: counters on a terminal, a line now and then elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import click

from cimaise.cli.printing import shown_bytes

_LINE_EVERY: Final = 10_000


class Count(Protocol):
    """Told of what was done."""

    def __call__(self, name: str, count: int, size: int = 0) -> None:
        """``count`` things more of a kind, of ``size`` bytes together."""


class _Counters:
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.sizes: dict[str, int] = {}

    def add(self, name: str, count: int, size: int) -> str:
        """Count, and describe the kind as it is now."""
        self.counts[name] = self.counts.get(name, 0) + count
        self.sizes[name] = self.sizes.get(name, 0) + size
        more = f", {shown_bytes(self.sizes[name])}" if self.sizes[name] else ""
        return f"{name.replace('-', ' ')}: {self.counts[name]}{more}"


@contextmanager
def counting(*, quiet: bool = False) -> Iterator[Count]:
    """Counters on standard error while the block runs."""
    from rich.console import Console

    console, counters = Console(stderr=True), _Counters()
    if not quiet and console.is_terminal:
        with console.status("…") as status:
            yield lambda name, count, size=0: status.update(counters.add(name, count, size))
        return

    def tell(name: str, count: int, size: int = 0) -> None:
        before = counters.counts.get(name, 0) // _LINE_EVERY
        text = counters.add(name, count, size)
        if not quiet and counters.counts[name] // _LINE_EVERY > before:
            click.echo(text, err=True)

    yield tell
