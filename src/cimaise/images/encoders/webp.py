"""WebP. Effort 2 costs half of the usual 4 and 3 % more bytes."""

from typing import Final

import pyvips

from cimaise.images.encoders.base import Encoder

_EFFORT: Final = 2


def _encode(image: pyvips.Image, quality: int) -> bytes:
    return bytes(image.webpsave_buffer(Q=quality, effort=_EFFORT, keep="none"))


WEBP: Final = Encoder(_encode)
