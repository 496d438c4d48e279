"""How a command ends that cannot do what it was asked: plain lines on standard error, code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from cimaise.errors import CimaiseError
from cimaise.settings import SettingsFault


class Refused(click.ClickException):
    """A foreseen failure; each of ``lines`` is shown on a line of its own."""

    exit_code = 1

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the lines to standard error."""
        for line in self.lines:
            click.echo(f"cimaise: {line}", file=file or sys.stderr)


@contextmanager
def refusals() -> Iterator[None]:
    """Let what was foreseen end the command as :class:`Refused`."""
    try:
        yield
    except SettingsFault as fault:
        raise Refused(*fault.faults) from fault
    except CimaiseError as fault:
        raise Refused(fault.message) from fault


def os_fault(doing: str, fault: OSError) -> Refused:
    """What the operating system refused, in a line."""
    where = f" {fault.filename}" if fault.filename else ""
    return Refused(f"{doing}:{where} {fault.strerror or fault}")
