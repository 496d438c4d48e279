"""GIF, still and moving, by libnsgif."""

from typing import Final

import pyvips

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_libvips import header_of, load, pages_of

_PIXEL_BYTES: Final = 4  # one canvas, on which the frames are laid


def _read_header(source: Source) -> ImageHeader:
    image = load("gifload", source)
    needed = image.width * image.height * _PIXEL_BYTES
    return header_of("gif", image, frames=pages_of(image), whole_bytes=needed)


def _open(source: Source, _header: ImageHeader, frames: int, _factor: float) -> pyvips.Image:
    return load("gifload", source, n=frames)


GIF: Final = Decoder(_read_header, _open)
