"""JPEG."""

from typing import Final

import pyvips

from cimaise.images.encoders.base import Encoder


def _encode(image: pyvips.Image, quality: int) -> bytes:
    return bytes(image.jpegsave_buffer(Q=quality, optimize_coding=True, keep="none"))


JPEG: Final = Encoder(_encode)
