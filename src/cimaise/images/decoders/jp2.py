"""JPEG 2000, by OpenJPEG: files (JP2) and bare code streams."""

from typing import Final

import pyvips
from PIL import Jpeg2KImagePlugin

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_pillow import frames_of, header_of, open_image

_PLUGIN: Final = "JPEG2000"
_MAX_REDUCTION: Final = 5


def _read_header(source: Source) -> ImageHeader:
    with open_image(source, _PLUGIN) as image:
        return header_of("jp2", image, orientation=1)


def _open(source: Source, _header: ImageHeader, _frames: int, factor: float) -> pyvips.Image:
    reduction = _reduction(factor)
    while True:
        try:
            return _opened(source, reduction)
        except OSError:  # the file has fewer levels: found out before any pixel is decoded
            if reduction == 0:
                raise
            reduction -= 1


def _opened(source: Source, reduction: int) -> pyvips.Image:
    with open_image(source, _PLUGIN) as image:
        if isinstance(image, Jpeg2KImagePlugin.Jpeg2KImageFile):
            image.reduce = reduction
        return frames_of(image, 1)


def _reduction(factor: float) -> int:
    """How many of the wavelet's levels can be left out: each halves the picture."""
    return min(_MAX_REDUCTION, max(0, int(factor).bit_length() - 1))


JP2: Final = Decoder(_read_header, _open)
