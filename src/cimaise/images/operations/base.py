"""What an operation promises, and what all of them need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyvips

from cimaise.images.parameters import Colour

LUMA: Final = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in brightness (ITU-R BT.709)."""

OPAQUE: Final = 255
_RGB: Final = 3


@dataclass(frozen=True, slots=True)
class Operation:
    """One parameter and what it does to the pixels.

    Attributes:
        name: Name of the parameter.
        form: How its value is written, for the manual.
        meaning: What it does, one sentence.
        parse: Text to value; raises ``ValueError`` with the form.
        identity: The value that changes nothing; the same as leaving the parameter out.
        apply: ``(image, value, background) -> image``. The image is 8-bit sRGB with three bands,
            or four with alpha, in memory; so is the result. ``background`` is what shows where
            the operation uncovers something.
    """

    name: str
    form: str
    meaning: str
    parse: Callable[[str], Any]
    identity: Any
    apply: Callable[[pyvips.Image, Any, Colour], pyvips.Image]


def on_colours(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """Apply ``change`` to the three colour bands and leave alpha alone."""
    if not image.hasalpha():
        return change(image).cast("uchar").copy(interpretation="srgb")
    colours = change(image.extract_band(0, n=_RGB)).cast("uchar")
    joined = colours.bandjoin(image.extract_band(_RGB))
    return joined.copy(interpretation="srgb")


def on_premultiplied(
    image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]
) -> pyvips.Image:
    """Apply ``change``, which mixes neighbours, so that transparent pixels lend no colour."""
    if not image.hasalpha():
        return change(image).cast("uchar").copy(interpretation="srgb")
    return change(image.premultiply()).unpremultiply().cast("uchar").copy(interpretation="srgb")


def with_alpha(image: pyvips.Image) -> pyvips.Image:
    """The image with an alpha band; opaque where it had none."""
    return image if image.hasalpha() else image.bandjoin(OPAQUE).copy(interpretation="srgb")


def recombined(image: pyvips.Image, rows: Sequence[Sequence[float]]) -> pyvips.Image:
    """Each colour as a weighted sum of the three old ones; ``rows`` is 3 by 3."""
    matrix = pyvips.Image.new_from_array([list(row) for row in rows])
    return on_colours(image, lambda colours: colours.recomb(matrix))
