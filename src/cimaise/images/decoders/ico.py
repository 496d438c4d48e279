"""Icons: the largest of the pictures in the file."""

from typing import Final

import pyvips

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_pillow import frames_of, header_of, open_image

_PLUGIN: Final = "ICO"


def _read_header(source: Source) -> ImageHeader:
    with open_image(source, _PLUGIN) as image:
        return header_of("ico", image)


def _open(source: Source, _header: ImageHeader, _frames: int, _factor: float) -> pyvips.Image:
    with open_image(source, _PLUGIN) as image:
        return frames_of(image, 1)


ICO: Final = Decoder(_read_header, _open)
