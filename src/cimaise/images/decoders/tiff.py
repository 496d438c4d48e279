"""TIFF: the first page."""

from typing import Final

import pyvips

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_libvips import header_of, load, pixel_bytes


def _read_header(source: Source) -> ImageHeader:
    image = load("tiffload", source)
    needed = image.width * image.height * pixel_bytes(image)
    return header_of("tiff", image, whole_bytes=needed)


def _open(source: Source, _header: ImageHeader, _frames: int, _factor: float) -> pyvips.Image:
    return load("tiffload", source)


TIFF: Final = Decoder(_read_header, _open)
