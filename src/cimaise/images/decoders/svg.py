"""SVG, drawn by librsvg from a text that has been rid of everything but the drawing."""

from pathlib import Path
from typing import Any, Final

import pyvips

from cimaise.errors import Limit, TooLarge
from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_libvips import header_of, load
from cimaise.images.svg_text import sanitised

MAX_SVG_BYTES: Final = 10 * 1024 * 1024
_PIXEL_BYTES: Final = 4


def _read_header(source: Source) -> ImageHeader:
    image = _drawn(source)
    needed = image.width * image.height * _PIXEL_BYTES
    return header_of("svg", image, whole_bytes=needed)


def _open(source: Source, _header: ImageHeader, _frames: int, factor: float) -> pyvips.Image:
    return _drawn(source, scale=1 / factor)


def _drawn(source: Source, **options: Any) -> pyvips.Image:
    return load("svgload", sanitised(_text(source)), **options)


def _text(source: Source) -> bytes:
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if size > MAX_SVG_BYTES:
        limit = Limit("max_svg_bytes", MAX_SVG_BYTES, size)
        raise TooLarge("The drawing is too long to be drawn.", limit=limit)
    return source.read_bytes() if isinstance(source, Path) else source


SVG: Final = Decoder(_read_header, _open)
