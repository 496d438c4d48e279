"""The region of a request: a part of the picture (Image API 3.0 §4.1, 2.1.1 §4.1)."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from cimaise.errors import Malformed
from cimaise.images.iiif.dialect import Size, nearest, parse_decimal, parse_whole
from cimaise.images.spec import Box

FULL: Final = "full"
SQUARE: Final = "square"
_PERCENT: Final = "pct:"
_NUMBERS: Final = 4


@dataclass(frozen=True, slots=True)
class Region:
    """A region that was asked for, before the size of the picture is known.

    Attributes:
        name: ``full``, ``square``, or empty where there are numbers.
        numbers: Left, top, width, height in pixels, or in per cent.
        in_percent: Which of the two.
    """

    name: str = ""
    numbers: tuple[Fraction, ...] = ()
    in_percent: bool = False

    def within(self, picture: Size) -> Box:
        """The part of ``picture`` that is meant, cut off at its edges.

        Raises:
            Malformed: Nothing of it is in the picture.
        """
        if self.name == FULL:
            return 0, 0, picture.width, picture.height
        if self.name == SQUARE:
            side = min(picture.width, picture.height)
            return (picture.width - side) // 2, (picture.height - side) // 2, side, side
        left, top, width, height = self._in_pixels(picture)
        width, height = min(width, picture.width - left), min(height, picture.height - top)
        if width < 1 or height < 1:
            raise Malformed("The region holds no pixel of the picture.", field="region")
        return left, top, width, height

    def _in_pixels(self, picture: Size) -> tuple[int, ...]:
        if not self.in_percent:
            return tuple(int(number) for number in self.numbers)
        sides = (picture.width, picture.height) * 2
        return tuple(
            nearest(side * number / 100) for side, number in zip(sides, self.numbers, strict=True)
        )


def parse_region(text: str) -> Region:
    """Read ``full``, ``square``, ``x,y,w,h`` or ``pct:x,y,w,h``. ``Malformed`` for all else."""
    if text in (FULL, SQUARE):
        return Region(text)
    in_percent = text.startswith(_PERCENT)
    parts = text.removeprefix(_PERCENT).split(",")
    if len(parts) != _NUMBERS:
        raise Malformed("region is full, square, x,y,w,h or pct:x,y,w,h.", field="region")
    parse = parse_decimal if in_percent else parse_whole
    numbers = tuple(Fraction(parse(part, "region")) for part in parts)
    if 0 in numbers[2:]:
        raise Malformed("The region has no size.", field="region")
    return Region("", numbers, in_percent)
