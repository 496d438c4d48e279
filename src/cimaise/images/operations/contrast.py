"""``contrast``: distance from middle grey times a number."""

from typing import Final

import pyvips

from cimaise.images.operations.base import Operation, on_colours
from cimaise.images.parameters import Colour, decimal

_MIDDLE: Final = 127.5


def _contrast(image: pyvips.Image, factor: float, _background: Colour) -> pyvips.Image:
    return on_colours(image, lambda colours: colours.linear(factor, _MIDDLE * (1 - factor)))


CONTRAST: Final = Operation(
    name="contrast",
    form="factor, 0 to 10; 1 changes nothing",
    meaning="Raises (above 1) or lowers (below 1) the contrast.",
    parse=decimal(0, 10),
    identity=1.0,
    apply=_contrast,
)
