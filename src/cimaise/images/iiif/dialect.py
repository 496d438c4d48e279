"""What the versions of the IIIF Image API have in common, and the few things they do not."""

import re
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Final

from cimaise.errors import Malformed

QUALITIES: Final = ("default", "color", "gray", "bitonal")
OUR_FORMATS: Final = {"jpg": "jpeg", "png": "png", "webp": "webp", "avif": "avif"}
"""Their names of formats to ours; ``jpg`` and ``png`` are level 2, the others are extra."""

_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,10})?")


class Version(IntEnum):
    """Of the Image API: 2 is 2.1.1, 3 is 3.0."""

    TWO = 2
    THREE = 3

    @property
    def level_uri(self) -> str:
        """Where a compliance level is described, before ``/level2.json``."""
        return f"http://iiif.io/api/image/{self.value}"


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels."""

    width: int
    height: int


def parse_whole(text: str, what: str) -> int:
    """A whole number of at most nine digits; ``Malformed`` names ``what``."""
    if not _WHOLE.fullmatch(text):
        raise Malformed(f"{what} has to be a whole number.", field=what)
    return int(text)


def parse_decimal(text: str, what: str) -> Fraction:
    """Digits, and digits behind a point; exact, for half a pixel decides. ``Malformed``."""
    if not _DECIMAL.fullmatch(text):
        raise Malformed(f"{what} has to be made of decimal numbers.", field=what)
    return Fraction(text)


def nearest(value: Fraction) -> int:
    """The nearest whole number, halves upwards."""
    return int(value + Fraction(1, 2))
