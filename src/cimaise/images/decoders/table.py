"""Format → decoder. A decoder's library is imported when the first picture needs it."""

from functools import cache

from cimaise.errors import TypeNotAllowed
from cimaise.images.decoders.base import Decoder


@cache
def decoder_of(name: str) -> Decoder:
    """The decoder of a format.

    Raises:
        TypeNotAllowed: The format is known, but its library is not installed here.
    """
    try:
        return _imported(name)
    except ImportError:
        raise TypeNotAllowed(f"Pictures of the format {name} cannot be read here.") from None


def _imported(name: str) -> Decoder:  # noqa: C901, PLR0911  # one line a format
    match name:
        case "jpeg":
            from cimaise.images.decoders.jpeg import JPEG

            return JPEG
        case "png":
            from cimaise.images.decoders.png import PNG

            return PNG
        case "webp":
            from cimaise.images.decoders.webp import WEBP

            return WEBP
        case "gif":
            from cimaise.images.decoders.gif import GIF

            return GIF
        case "tiff":
            from cimaise.images.decoders.tiff import TIFF

            return TIFF
        case "svg":
            from cimaise.images.decoders.svg import SVG

            return SVG
        case "avif":
            from cimaise.images.decoders.avif import AVIF

            return AVIF
        case "heic":
            from cimaise.images.decoders.heic import HEIC

            return HEIC
        case "jp2":
            from cimaise.images.decoders.jp2 import JP2

            return JP2
        case "bmp":
            from cimaise.images.decoders.bmp import BMP

            return BMP
        case "ico":
            from cimaise.images.decoders.ico import ICO

            return ICO
        case _:
            from cimaise.images.decoders.jxl import JXL

            return JXL
