"""How the values of picture parameters are written. Each parser raises ``ValueError`` with the form.

Only ASCII digits count: ``int()`` and ``float()`` also read ``nan``, ``1_000``, ``1e9`` and the
digits of other scripts, and every such spelling would be one more way to write the same picture.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

Colour = tuple[int, int, int, int]
"""Red, green, blue, alpha, 0 to 255 each."""

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_DECIMAL: Final = re.compile(r"(?:0|[1-9][0-9]{0,4})(?:\.[0-9]{1,6})?")
_HEX: Final = re.compile(r"#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})")
_NAMED_COLOURS: Final[dict[str, Colour]] = {
    "white": (255, 255, 255, 255),
    "black": (0, 0, 0, 255),
    "transparent": (0, 0, 0, 0),
}


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from ``low`` to ``high``, both included."""
    form = f"a whole number from {low} to {high}"

    def parse(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(form)
        return int(text)

    return parse


def decimal(low: float, high: float) -> Callable[[str], float]:
    """A parser of decimal numbers from ``low`` to ``high``, both included."""
    form = f"a number from {low:g} to {high:g}"

    def parse(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or not low <= float(text) <= high:
            raise ValueError(form)
        return float(text)

    return parse


def choice(names: Sequence[str], *, otherwise: str = "") -> Callable[[str], str]:
    """A parser that accepts exactly these names; ``otherwise`` adds to the sentence."""
    form = ("one of " + ", ".join(names) if names else "left out: there is none") + otherwise

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(form)
        return text

    return parse


def parse_switch(text: str) -> bool:
    """``1`` or ``true``, ``0`` or ``false``."""
    if text not in ("0", "1", "true", "false"):
        raise ValueError("1 or 0")
    return text in ("1", "true")


def parse_colour(text: str) -> Colour:
    """``rgb``, ``rrggbb`` or ``rrggbbaa`` in hexadecimal, or white, black, transparent."""
    if text in _NAMED_COLOURS:
        return _NAMED_COLOURS[text]
    match = _HEX.fullmatch(text)
    if match is None:
        raise ValueError("a colour such as fff, ff8800 or ff880080, or white, black, transparent")
    digits = match[1] if len(match[1]) > 3 else "".join(digit * 2 for digit in match[1])  # noqa: PLR2004
    red, green, blue, alpha = bytes.fromhex(digits.ljust(8, "f"))
    return red, green, blue, alpha


def format_number(value: float) -> str:
    """The one way to write a number in a cache key: no exponent, no trailing zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
