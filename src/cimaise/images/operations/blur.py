"""``blur``: Gaussian."""

from typing import Final

import pyvips

from cimaise.images.operations.base import Operation, on_premultiplied
from cimaise.images.parameters import Colour, decimal


def _blur(image: pyvips.Image, sigma_px: float, _background: Colour) -> pyvips.Image:
    return on_premultiplied(image, lambda flat: flat.gaussblur(sigma_px))


BLUR: Final = Operation(
    name="blur",
    form="sigma in pixels, 0.3 to 50",
    meaning="Blurs.",
    parse=decimal(0.3, 50),
    identity=0.0,
    apply=_blur,
)
