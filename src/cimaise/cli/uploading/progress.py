"""What people see while bytes go out: a bar on a terminal, plain lines elsewhere."""

from collections.abc import Callable
from typing import Final, Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_STEP_PERCENT: Final = 10


class Display(Protocol):
    """Shows one file after another."""

    def begin(self, name: str, *, total: int, done: int) -> None:
        """A file of ``total`` bytes, of which ``done`` are there already."""

    def advance(self, count: int) -> None:
        """``count`` bytes more; fewer where it is negative."""

    def end(self) -> None:
        """The file is done or given up."""


class Bar:
    """A progress bar that counts bytes."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
        )

    def begin(self, name: str, *, total: int, done: int) -> None:
        """See :class:`Display`."""
        self._task = self._progress.add_task(name.replace("[", r"\["), total=total, completed=done)
        self._progress.start()

    def advance(self, count: int) -> None:
        """See :class:`Display`."""
        self._progress.advance(self._task, count)

    def end(self) -> None:
        """See :class:`Display`."""
        self._progress.stop()
        self._progress.remove_task(self._task)


class Lines:
    """A line for every tenth of a file."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._name, self._total, self._done, self._shown = "", 1, 0, 0

    def begin(self, name: str, *, total: int, done: int) -> None:
        """See :class:`Display`."""
        self._name, self._total, self._done = name, max(1, total), done
        self._shown = self._percent()
        if done:
            self._write(f"{name}: goes on from {self._shown} %")

    def advance(self, count: int) -> None:
        """See :class:`Display`."""
        self._done += count
        percent = self._percent()
        if percent >= self._shown + _STEP_PERCENT:
            self._shown = percent
            self._write(f"{self._name}: {percent} %")

    def end(self) -> None:
        """See :class:`Display`."""

    def _percent(self) -> int:
        return self._done * 100 // self._total


def open_display(stream: TextIO) -> Display:
    """A bar where ``stream`` is a terminal, else plain lines on it."""
    console = Console(file=stream)
    if console.is_terminal:
        return Bar(console)
    return Lines(lambda line: print(line, file=stream, flush=True))
