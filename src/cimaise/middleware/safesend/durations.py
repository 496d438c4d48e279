"""Durations as people write them."""

import math
import re
from typing import Final

_FORM: Final = 'a time-out is seconds above zero, a text such as "500ms", "10s", "2m", or None'
_NUMBER_AND_UNIT: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|)\s*")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(value: str | float | None) -> float | None:
    """``"10s"``, ``"500ms"``, ``"2m"``, ``"1h"``, ``"1.5s"`` or seconds to seconds.

    Args:
        value: The duration; a text without a unit is seconds. ``None`` is no time-out.

    Raises:
        ValueError: It has another form, or is not a finite time above zero.
        TypeError: It is neither text nor number.
    """
    if value is None:
        return None
    seconds = _read(value) if isinstance(value, str) else _number(value)
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{_FORM}, not {value!r}")
    return seconds


def _read(text: str) -> float:
    match = _NUMBER_AND_UNIT.fullmatch(text)
    if match is None:
        raise ValueError(f"{_FORM}, not {text!r}")
    return float(match[1]) * _SECONDS[match[2]]


def _number(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{_FORM}, not {value!r}")
    return float(value)
