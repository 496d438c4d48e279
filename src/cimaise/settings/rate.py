"""A rate as settings say it: so many in a time."""

import re
from dataclasses import dataclass
from typing import Final

from cimaise.settings.parsing import parse_duration

_FORM: Final = "a rate, such as 20/m, 600/1h or 100/10s; 0 for no limit"
_TEXT: Final = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9}(?:ms|[smhd])?|[smhd])", re.ASCII)

_UNITS: Final = {1.0: "s", 60.0: "m", 3600.0: "h", 86400.0: "d"}


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most ``count`` at once, and as many again in ``window_s`` seconds; a count of 0: no limit."""

    count: int
    window_s: float

    def __str__(self) -> str:
        if not self.count:
            return "0"
        return f"{self.count}/{_UNITS.get(self.window_s, f'{self.window_s:g}s')}"


UNLIMITED: Final = Allowance(0, 1.0)


def parse_allowance(text: str) -> Allowance:
    """``20/m``, ``600/1h``, ``100/10s``; ``0`` for no limit."""
    stripped = text.strip()
    if stripped == "0":
        return UNLIMITED
    match = _TEXT.fullmatch(stripped)
    if match is None or int(match[1]) == 0:
        raise ValueError(_FORM)
    time = match[2] if match[2][0].isdigit() else "1" + match[2]
    window_s = parse_duration(time)
    if window_s <= 0:
        raise ValueError(_FORM)
    return Allowance(int(match[1]), window_s)
