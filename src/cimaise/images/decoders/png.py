"""PNG."""

from typing import Final

import pyvips

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_libvips import header_of, is_set, load, pixel_bytes


def _read_header(source: Source) -> ImageHeader:
    image = load("pngload", source)
    needed = image.width * image.height * pixel_bytes(image)
    return header_of("png", image, whole_bytes=needed if is_set(image, "interlaced") else 0)


def _open(source: Source, _header: ImageHeader, _frames: int, _factor: float) -> pyvips.Image:
    return load("pngload", source)


PNG: Final = Decoder(_read_header, _open)
