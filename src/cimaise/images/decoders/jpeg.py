"""JPEG, by libjpeg-turbo; of a picture with a gain map, the picture that everybody can see."""

from typing import Final

import pyvips

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_libvips import header_of, is_set, load

_SHRINKS: Final = (8, 4, 2)
_COEFFICIENT_BYTES: Final = 2  # of each component: a picture in many scans is collected first


def _read_header(source: Source) -> ImageHeader:
    image = load("jpegload", source)
    needed = image.width * image.height * image.bands * _COEFFICIENT_BYTES
    is_whole = is_set(image, "jpeg-multiscan") or is_set(image, "interlaced")
    return header_of("jpeg", image, whole_bytes=needed if is_whole else 0)


def _open(source: Source, _header: ImageHeader, _frames: int, factor: float) -> pyvips.Image:
    shrink = next((shrink for shrink in _SHRINKS if shrink <= factor), 1)
    return load("jpegload", source, shrink=shrink)


JPEG: Final = Decoder(_read_header, _open)
