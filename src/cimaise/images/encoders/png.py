"""PNG."""

from typing import Final

import pyvips

from cimaise.images.encoders.base import Encoder

_COMPRESSION: Final = 6


def _encode(image: pyvips.Image, _quality: int) -> bytes:
    return bytes(image.pngsave_buffer(compression=_COMPRESSION, keep="none"))


PNG: Final = Encoder(_encode)
