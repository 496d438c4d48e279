"""Format → encoder, the preferred first."""

from functools import cache
from importlib.util import find_spec
from typing import Final

import pyvips

from cimaise.images.encoders.base import Encoder

_OF_LIBVIPS: Final = {"webp": ".webp", "avif": ".avif", "jpeg": ".jpg", "png": ".png"}
ISOLATED: Final = frozenset({"avif", "jxl"})
"""Their encoders cannot be stopped once begun, so they run in a process of their own."""


def available_formats() -> tuple[str, ...]:
    """Formats that can be written here, the preferred first."""
    suffixes = pyvips.get_suffixes()
    found = tuple(name for name, suffix in _OF_LIBVIPS.items() if suffix in suffixes)
    return (*found, "jxl") if find_spec("pillow_jxl") is not None else found


@cache
def encoder_of(name: str) -> Encoder:
    """The encoder of one of :func:`available_formats`."""
    match name:
        case "webp":
            from cimaise.images.encoders.webp import WEBP

            return WEBP
        case "avif":
            from cimaise.images.encoders.avif import AVIF

            return AVIF
        case "jpeg":
            from cimaise.images.encoders.jpeg import JPEG

            return JPEG
        case "png":
            from cimaise.images.encoders.png import PNG

            return PNG
        case _:
            from cimaise.images.encoders.jxl import JXL

            return JXL
