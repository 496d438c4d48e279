"""``rotate``: turned clockwise, after the picture has its size."""

from typing import Final

import pyvips

from cimaise.images.operations.base import OPAQUE, Operation, on_premultiplied, with_alpha
from cimaise.images.parameters import Colour, decimal

_FULL_TURN: Final = 360
_parse_degrees: Final = decimal(0, _FULL_TURN)


def _rotate(image: pyvips.Image, degrees: float, background: Colour) -> pyvips.Image:
    quarters = {90.0: image.rot90, 180.0: image.rot180, 270.0: image.rot270}
    if degrees in quarters:
        return quarters[degrees]()
    if background[3] != OPAQUE:
        image = with_alpha(image)
    opacity = background[3] / OPAQUE
    shown = [band * opacity for band in background[:3]] if image.hasalpha() else background[:3]
    corners = [*shown, background[3]][: image.bands]
    return on_premultiplied(image, lambda flat: flat.rotate(degrees, background=corners))


ROTATE: Final = Operation(
    name="rotate",
    form="degrees from 0 to 360",
    meaning="Turns clockwise; other angles than quarter turns show the background at the corners.",
    parse=lambda text: _parse_degrees(text) % _FULL_TURN,
    identity=0.0,
    apply=_rotate,
)
