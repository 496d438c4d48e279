"""WebP, still and moving."""

from typing import Final

import pyvips

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_libvips import header_of, load, pages_of

_RESERVE: Final = 2  # leaves this factor to our better filter
_PIXEL_BYTES: Final = 4  # the decoder unpacks a frame whole


def _read_header(source: Source) -> ImageHeader:
    image = load("webpload", source)
    needed = image.width * image.height * _PIXEL_BYTES
    return header_of("webp", image, frames=pages_of(image), whole_bytes=needed)


def _open(source: Source, _header: ImageHeader, frames: int, factor: float) -> pyvips.Image:
    return load("webpload", source, n=frames, scale=min(1.0, _RESERVE / factor))


WEBP: Final = Decoder(_read_header, _open)
