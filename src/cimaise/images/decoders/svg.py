"""SVG, drawn by librsvg from a text that has been rid of everything but the drawing.

A drawing has no pixels of its own: of maps and plans that say a huge size, a smaller one counts.
"""

import math
from pathlib import Path
from typing import Final

import pyvips

from cimaise.errors import Limit, TooLarge
from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_libvips import header_of, load
from cimaise.images.limits import MAX_ISOLATED_PIXELS
from cimaise.images.svg_text import sanitised

MAX_SVG_BYTES: Final = 10 * 1024 * 1024
_PIXEL_BYTES: Final = 4
_BELOW: Final = 0.999  # sides are rounded


def _read_header(source: Source) -> ImageHeader:
    text = sanitised(_text(source))
    image = load("svgload", text)
    shrink = math.sqrt(image.width * image.height / MAX_ISOLATED_PIXELS)
    if shrink > 1:
        image = load("svgload", text, scale=_BELOW / shrink)
    needed = image.width * image.height * _PIXEL_BYTES
    return header_of("svg", image, whole_bytes=needed)


def _open(source: Source, header: ImageHeader, _frames: int, factor: float) -> pyvips.Image:
    text = sanitised(_text(source))
    own = load("svgload", text)
    scale = max(header.width / own.width, header.height / own.height)
    return load("svgload", text, scale=scale / factor)


def _text(source: Source) -> bytes:
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if size > MAX_SVG_BYTES:
        limit = Limit("max_svg_bytes", MAX_SVG_BYTES, size)
        raise TooLarge("The drawing is too long to be drawn.", limit=limit)
    return source.read_bytes() if isinstance(source, Path) else source


SVG: Final = Decoder(_read_header, _open)
