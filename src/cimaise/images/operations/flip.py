"""``flip``: mirrored."""

from typing import Final

import pyvips

from cimaise.images.operations.base import Operation
from cimaise.images.parameters import Colour, choice


def _flip(image: pyvips.Image, value: str, _background: Colour) -> pyvips.Image:
    if value == "both":
        return image.rot180()
    return image.fliphor() if value == "h" else image.flipver()


FLIP: Final = Operation(
    name="flip",
    form="h, v or both",
    meaning="Mirrors left to right (h), top to bottom (v) or both.",
    parse=choice(("h", "v", "both")),
    identity="",
    apply=_flip,
)
