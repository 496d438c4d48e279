"""What the decoders that libvips brings have in common."""

from pathlib import Path
from typing import Any

import pyvips

from cimaise.images.decoders.base import ImageHeader, Source
from cimaise.images.exif import camera_facts, taken_at
from cimaise.images.formats import FORMATS


def load(loader: str, source: Source, **options: Any) -> pyvips.Image:
    """Open with a named loader, for reading once from top to bottom; a cut file is a fault."""
    options = {"access": "sequential", "fail_on": "truncated"} | options
    if isinstance(source, Path):
        return getattr(pyvips.Image, loader)(str(source), **options)
    return getattr(pyvips.Image, f"{loader}_buffer")(source, **options)


def header_of(
    name: str, image: pyvips.Image, *, frames: int = 1, whole_bytes: int = 0
) -> ImageHeader:
    """The header of an opened picture."""
    orientation = image.get("orientation") if image.get_typeof("orientation") else 1
    orientation = orientation if orientation in range(1, 9) else 1
    width, height = image.width, image.height
    if orientation > 4:  # noqa: PLR2004
        width, height = height, width

    def text_of(field: str) -> str | None:
        return str(image.get(field)) if image.get_typeof(field) else None

    return ImageHeader(
        width=width,
        height=height,
        format=name,
        media_type=FORMATS[name].media_type,
        frames=frames,
        orientation=orientation,
        has_alpha=bool(image.hasalpha()),
        taken_at=taken_at(text_of),
        exif=camera_facts(text_of),
        whole_bytes=whole_bytes,
    )


def pages_of(image: pyvips.Image) -> int:
    """How many pages the file has."""
    return int(image.get("n-pages")) if image.get_typeof("n-pages") else 1


def is_set(image: pyvips.Image, field: str) -> bool:
    """Whether a header field is there and not 0."""
    return bool(image.get_typeof(field) and image.get(field))


def pixel_bytes(image: pyvips.Image) -> int:
    """Bytes of one pixel as it is stored."""
    return int(
        image.bands * (2 if image.format == "ushort" else 4 if image.format == "float" else 1)
    )
