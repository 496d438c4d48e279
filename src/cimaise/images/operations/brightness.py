"""``brightness``: every colour times a number."""

from typing import Final

import pyvips

from cimaise.images.operations.base import Operation, on_colours
from cimaise.images.parameters import Colour, decimal


def _brighten(image: pyvips.Image, factor: float, _background: Colour) -> pyvips.Image:
    return on_colours(image, lambda colours: colours.linear(factor, 0))


BRIGHTNESS: Final = Operation(
    name="brightness",
    form="factor, 0 to 10; 1 changes nothing",
    meaning="Makes brighter (above 1) or darker (below 1).",
    parse=decimal(0, 10),
    identity=1.0,
    apply=_brighten,
)
