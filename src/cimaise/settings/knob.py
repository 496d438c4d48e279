"""A setting: its default, how it is read, and what it means."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

KB: Final = 1024
MB: Final = 1024 * KB
GB: Final = 1024 * MB
TB: Final = 1024 * GB


@dataclass(frozen=True, slots=True)
class Knob:
    """What the manual and the loader know of a setting besides its default.

    Attributes:
        parse: Text to value; raises ``ValueError`` with the form it expects.
        meaning: One sentence, with the unit.
        low: Least value allowed, in the value's own unit.
        high: Greatest value allowed.
        choices: The only values allowed, where not empty.
        secret: Never shown.
    """

    parse: Callable[[str], object]
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False


def knob(default: Any, parse: Callable[[str], object], meaning: str, **more: Any) -> Any:
    """A field of a section; ``more`` is what else :class:`Knob` knows of it."""
    return field(default=default, metadata={"knob": Knob(parse, meaning, **more)})
