"""Watermarks: pictures of the operator's that are laid over others, by name."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyvips

from cimaise.images.codec import Codec
from cimaise.images.decoders.base import Cut
from cimaise.images.geometry import plan_size
from cimaise.images.operations.base import with_alpha
from cimaise.images.resizing import in_memory, resized
from cimaise.images.spec import FocalPoint, ImageSpec, Mark
from cimaise.images.stopping import Stop

MAX_SIDE_PX: Final = 2560
_MARGIN: Final = 0.02  # of the shorter side
_DIGEST_LETTERS: Final = 16
_RGB: Final = 3


@dataclass(frozen=True, slots=True)
class Watermarks:
    """What is configured.

    Attributes:
        digests: Name → a text that changes with the picture; belongs into cache keys.
        images: Name → pixels, 8-bit sRGB with alpha.
    """

    digests: Mapping[str, str]
    images: Mapping[str, pyvips.Image]


NO_WATERMARKS: Final = Watermarks({}, {})


def read_watermarks(files: Sequence[tuple[str, Path]], codec: Codec) -> Watermarks:
    """Read the operator's files, at the start of the server.

    Raises:
        ValueError: A file is not there, or no picture; the message names it.
    """
    digests, images = {}, {}
    for name, path in files:
        try:
            content = path.read_bytes()
            header = codec.read_header(content)
            plan = plan_size(ImageSpec(), header.width, header.height, max_width=MAX_SIDE_PX)
            frames = codec.decode(content, header, Cut(plan.crop, plan.size), Stop())
        except Exception as fault:
            raise ValueError(f"the watermark {name} ({path}) cannot be read: {fault}") from fault
        digests[name] = hashlib.sha256(content).hexdigest()[:_DIGEST_LETTERS]
        images[name] = with_alpha(frames.images[0])
    return Watermarks(digests, images)


def stamped(image: pyvips.Image, mark: Mark, watermarks: Watermarks) -> pyvips.Image:
    """The picture with a watermark over it; with as many bands as before."""
    size = _size(image, mark, watermarks.images[mark.name])
    over = resized(watermarks.images[mark.name], size)
    faded = over.extract_band(_RGB).linear(mark.opacity, 0).cast("uchar")
    over = over.extract_band(0, n=_RGB).bandjoin(faded).copy(interpretation="srgb")
    if mark.position is None:
        over = _tiled(over, image.width, image.height)
        left, top = 0, 0
    else:
        left, top = _corner(image, size, mark.position)
    laid = image.composite2(over, "over", x=left, y=top).cast("uchar")
    return laid if image.hasalpha() else laid.extract_band(0, n=_RGB).copy(interpretation="srgb")


def _size(image: pyvips.Image, mark: Mark, over: pyvips.Image) -> tuple[int, int]:
    """As wide as the scale says, but not higher than the picture."""
    factor = min(image.width * mark.scale / over.width, image.height / over.height)
    return max(1, round(over.width * factor)), max(1, round(over.height * factor))


def _corner(image: pyvips.Image, size: tuple[int, int], position: FocalPoint) -> tuple[int, int]:
    margin = round(min(image.width, image.height) * _MARGIN)
    free_x, free_y = image.width - size[0], image.height - size[1]
    across, down = min(margin, free_x // 2), min(margin, free_y // 2)
    left = across + (free_x - 2 * across) * position[0]
    top = down + (free_y - 2 * down) * position[1]
    return round(left), round(top)


def _tiled(over: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Repeated until it covers the picture, with a gap of its own half around each."""
    gap_x, gap_y = over.width // 2, over.height // 2
    tile = over.embed(gap_x, gap_y, over.width + 2 * gap_x, over.height + 2 * gap_y)
    tile = in_memory(tile, Stop())
    across, down = -(-width // tile.width), -(-height // tile.height)
    return tile.replicate(across, down).crop(0, 0, width, height)
