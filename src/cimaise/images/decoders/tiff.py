"""TIFF: the first page.

What libvips does not open, Pillow may: CIELAB of 8 bits, as it is made for printing.
"""

from typing import Final

import pyvips

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_libvips import header_of, load, pixel_bytes
from cimaise.images.decoders.by_pillow import still

_REST: Final = still("tiff", "TIFF")


def _read_header(source: Source) -> ImageHeader:
    try:
        image = load("tiffload", source)
    except pyvips.Error:
        return _REST.read_header(source)
    needed = image.width * image.height * pixel_bytes(image)
    return header_of("tiff", image, whole_bytes=needed)


def _open(source: Source, header: ImageHeader, frames: int, factor: float) -> pyvips.Image:
    try:
        return load("tiffload", source)
    except pyvips.Error:
        return _REST.open(source, header, frames, factor)


TIFF: Final = Decoder(_read_header, _open)
