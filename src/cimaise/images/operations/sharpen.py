"""``sharpen``: unsharp mask on lightness."""

from typing import Final

import pyvips

from cimaise.images.operations.base import Operation, on_colours
from cimaise.images.parameters import Colour, decimal


def _sharpen(image: pyvips.Image, sigma_px: float, _background: Colour) -> pyvips.Image:
    return on_colours(image, lambda colours: colours.sharpen(sigma=sigma_px).colourspace("srgb"))


SHARPEN: Final = Operation(
    name="sharpen",
    form="sigma in pixels, 0.3 to 10",
    meaning="Sharpens edges.",
    parse=decimal(0.3, 10),
    identity=0.0,
    apply=_sharpen,
)
