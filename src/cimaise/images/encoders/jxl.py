"""JPEG XL, by libjxl, where its plug-in is installed."""

import io
from typing import Final

import pyvips
from PIL import Image
from pillow_jxl import JpegXLImagePlugin

from cimaise.images.encoders.base import MAX_QUALITY, Encoder

_EFFORT: Final = 3
_SUFFIX: Final = str(JpegXLImagePlugin.JXLImageFile.format)


def _encode(image: pyvips.Image, quality: int) -> bytes:
    mode = "RGBA" if image.hasalpha() else "RGB"
    picture = Image.frombytes(mode, (image.width, image.height), bytes(image.write_to_memory()))
    written = io.BytesIO()
    is_lossless = quality == MAX_QUALITY
    picture.save(
        written, _SUFFIX, quality=quality, lossless=is_lossless, effort=_EFFORT, num_threads=0
    )
    return written.getvalue()


JXL: Final = Encoder(_encode)
