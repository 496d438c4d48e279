"""``saturation``: distance from the grey of the same brightness times a number."""

from typing import Final

import pyvips

from cimaise.images.operations.base import LUMA, Operation, recombined
from cimaise.images.parameters import Colour, decimal


def _saturate(image: pyvips.Image, factor: float, _background: Colour) -> pyvips.Image:
    rows = [
        [factor * (row == column) + (1 - factor) * LUMA[column] for column in range(3)]
        for row in range(3)
    ]
    return recombined(image, rows)


SATURATION: Final = Operation(
    name="saturation",
    form="factor, 0 to 10; 1 changes nothing, 0 is grey",
    meaning="Makes colours stronger (above 1) or weaker (below 1).",
    parse=decimal(0, 10),
    identity=1.0,
    apply=_saturate,
)
