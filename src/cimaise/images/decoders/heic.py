"""HEIC, by libheif and libde265, which turn the picture upright themselves."""

from typing import Final

import pillow_heif
import pyvips

from cimaise.images.cicp import marked
from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_pillow import frames_of, header_of, open_image
from cimaise.images.decoders.nclx import read_cicp

_PLUGIN: Final = "HEIF"

pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)


def _read_header(source: Source) -> ImageHeader:
    with open_image(source, _PLUGIN) as image:
        return header_of("heic", image, orientation=1)


def _open(source: Source, _header: ImageHeader, _frames: int, _factor: float) -> pyvips.Image:
    with open_image(source, _PLUGIN) as image:
        return marked(frames_of(image, 1), read_cicp(source))


HEIC: Final = Decoder(_read_header, _open)
