"""What a decoder promises, and the values that go in and come out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyvips

from cimaise.errors import TypeNotAllowed
from cimaise.images.spec import Box
from cimaise.telemetry import log

Source = bytes | Path
"""A whole file, or its path; it stays as it is while it is used."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a file says of its picture.

    Attributes:
        width: Pixels, upright (EXIF orientation applied).
        height: Pixels, upright; of one frame.
        format: One of :data:`cimaise.images.formats.FORMATS`.
        media_type: For ``Content-Type``.
        frames: Frames of an animation, else 1.
        orientation: EXIF orientation that was applied to width and height, 1 to 8.
        has_alpha: Has transparency, or could.
        taken_at: Aware UTC, where the camera wrote it.
        exif: What :func:`cimaise.images.exif.camera_facts` tells.
        whole_bytes: What the decoder holds in memory at once because it cannot work from top to
            bottom; 0 where it can.
    """

    width: int
    height: int
    format: str
    media_type: str
    frames: int = 1
    orientation: int = 1
    has_alpha: bool = False
    taken_at: datetime | None = None
    exif: Mapping[str, str | float] = field(default_factory=dict)
    whole_bytes: int = 0

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height as they lie in the file, before the picture is turned upright."""
        is_swapped = self.orientation > 4  # noqa: PLR2004
        return (self.height, self.width) if is_swapped else (self.width, self.height)


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a picture is needed, and how large.

    Attributes:
        box: In pixels of the upright picture.
        size: Width and height that the box gets.
        count: How many frames are needed, from the first.
    """

    box: Box
    size: tuple[int, int]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Frames:
    """Pixels: upright, 8-bit sRGB with three bands, or four with alpha; in memory.

    Attributes:
        images: At least one; all of the same size.
        delays_ms: How long each is shown; empty where nothing moves.
        loop: How often the animation runs; 0: for ever.
    """

    images: tuple[pyvips.Image, ...]
    delays_ms: tuple[int, ...] = ()
    loop: int = 0


@dataclass(frozen=True, slots=True)
class Decoder:
    """How one format is read.

    Attributes:
        read_header: Reads what the file says, without decoding a pixel where that is possible.
        open: ``(source, header, frames, factor) -> image``: the first ``frames`` frames below
            each other as they are stored, not turned upright, to be read once from top to bottom.
            ``factor`` is how many times smaller the picture will be made: the decoder may already
            give it smaller, but not smaller than that. Animations carry ``delay`` and ``loop``.
    """

    read_header: Callable[[Source], ImageHeader]
    open: Callable[[Source, ImageHeader, int, float], pyvips.Image]


@contextmanager
def translating_faults(stage: str) -> Iterator[None]:
    """Turn what libvips says into ours. Its own words hold paths: they go into the log only."""
    try:
        yield
    except pyvips.Error as fault:
        log("picture_failed", level="info", stage=stage, detail=detail_of(fault))
        raise TypeNotAllowed(
            "The file is no picture that can be read.", code="not_an_image"
        ) from None


def detail_of(fault: BaseException) -> str:
    """What a library said, in one line, for the log."""
    return " ".join(str(fault).split())[:500]
