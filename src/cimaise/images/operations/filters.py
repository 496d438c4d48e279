"""``filter``: one of a few looks."""

from collections.abc import Callable
from typing import Final

import pyvips

from cimaise.images.operations.base import LUMA, Operation, on_colours, recombined
from cimaise.images.parameters import Colour, choice

_SEPIA: Final = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
_MIDDLE: Final = 128


def _grayscale(image: pyvips.Image) -> pyvips.Image:
    return recombined(image, (LUMA, LUMA, LUMA))


def _sepia(image: pyvips.Image) -> pyvips.Image:
    return recombined(image, _SEPIA)


def _negative(image: pyvips.Image) -> pyvips.Image:
    return on_colours(image, lambda colours: colours.invert())


def _bitonal(image: pyvips.Image) -> pyvips.Image:
    return on_colours(_grayscale(image), lambda colours: colours >= _MIDDLE)


_FILTERS: Final[dict[str, Callable[[pyvips.Image], pyvips.Image]]] = {
    "grayscale": _grayscale,
    "sepia": _sepia,
    "negative": _negative,
    "bitonal": _bitonal,
}


def _filter(image: pyvips.Image, name: str, _background: Colour) -> pyvips.Image:
    return _FILTERS[name](image)


FILTER: Final = Operation(
    name="filter",
    form=", ".join(_FILTERS),
    meaning="Shades of grey, browns, inverted colours, or black and white only.",
    parse=choice(tuple(_FILTERS)),
    identity="",
    apply=_filter,
)
