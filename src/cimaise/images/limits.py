"""What a source may be, and what is refused by its header."""

from dataclasses import dataclass
from typing import Final

from cimaise.errors import Invalid, Limit
from cimaise.images.decoders.base import ImageHeader
from cimaise.images.formats import FORMATS

MAX_ISOLATED_PIXELS: Final = 50_000_000
"""Formats that are decoded apart are decoded whole, at 8 to 24 bytes a pixel: a lower limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderLimits:
    """What a source may be.

    Attributes:
        max_width: Bound of sides that nobody asked for; see :mod:`cimaise.images.geometry`.
        max_pixels: Most pixels of a source, all frames together.
        max_frames: Most frames that are kept of an animation.
    """

    max_width: int = 2560
    max_pixels: int = 100_000_000
    max_frames: int = 100


def require_pixels(header: ImageHeader, max_pixels: int) -> None:
    """Refuse a picture that is too large to decode.

    Raises:
        Invalid: ``too_many_pixels``; width x height x frames is above the limit.
    """
    is_whole = FORMATS[header.format].is_isolated and header.format != "tiff"
    most = min(max_pixels, MAX_ISOLATED_PIXELS) if is_whole else max_pixels
    pixels = header.width * header.height * header.frames
    if pixels > most:
        raise Invalid(
            f"The picture has {pixels:,} pixels, the limit is {most:,}.",
            code="too_many_pixels",
            limit=Limit("max_pixels", most, pixels),
        )
