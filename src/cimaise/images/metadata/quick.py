"""Headers of many pictures in little time: a few reads and no decoder.

JPEG, PNG, GIF and WebP are read here, about twenty times faster than by a decoder's own header
call; anything else, and everything that is odd in any way, is left to that.
"""

import os
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from cimaise.images.decoders.base import ImageHeader
from cimaise.images.metadata import jpeg, png, webp
from cimaise.images.metadata.tiff import ExifFacts, read_exif
from cimaise.images.metadata.windows import Window

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_HEAD_BYTES: Final = 12
_MOST_EXIF_BYTES: Final = 1024 * 1024
_FIRST_TURNED: Final = 5  # EXIF orientations from here on swap width and height
_BITS_14: Final = 0x3FFF


class QuickHeader(NamedTuple):
    """What an index wants of a picture's file; pixels as shown, orientation applied.

    Attributes:
        orientation: EXIF's, 1 to 8; applied to width and height.
        taken_at: Aware UTC, where the camera wrote it.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
    """

    width: int
    height: int
    orientation: int = 1
    taken_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None


def read_quick_header(path: Path, read_header: Callable[[Path], ImageHeader]) -> QuickHeader:
    """The header of a file. Blocks.

    Args:
        path: Of the file.
        read_header: A decoder's own way, for whatever is not understood here.

    Raises:
        TypeNotAllowed: It is no picture (``not_an_image``).
        OSError: It cannot be read, or is a link.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        facts = os.fstat(descriptor)
        if stat.S_ISREG(facts.st_mode):
            found = _read(Window(descriptor, facts.st_size))
            if found is not None:
                return found
    finally:
        os.close(descriptor)
    header = read_header(path)
    return QuickHeader(header.width, header.height, header.orientation, header.taken_at)


def _read(source: Window) -> QuickHeader | None:
    """The header; ``None`` for what is not understood without doubt."""
    try:
        head = source.get(0, _HEAD_BYTES)
        if head[:3] == b"\xff\xd8\xff":
            return _of_jpeg(source)
        if head[:8] == png.SIGNATURE:
            return _of_png(source)
        if head[:4] == b"RIFF" and head[8:] == b"WEBP":
            return _of_webp(source)
        if head[:6] in (b"GIF87a", b"GIF89a"):
            return _header(*_two(head[6:10], "little"), ExifFacts())
    except ValueError:
        return None
    return None


def _of_jpeg(source: Window) -> QuickHeader | None:
    exif, size = ExifFacts(), None
    for segment in jpeg.segments(source):
        if segment.marker == jpeg.APP1 and segment.stop - segment.start > len(jpeg.EXIF):
            if source.get(segment.start, len(jpeg.EXIF)) == jpeg.EXIF and exif == ExifFacts():
                start = segment.start + len(jpeg.EXIF)
                exif = read_exif(source.get(start, segment.stop - start))
        elif segment.is_frame:
            height, width = _two(source.get(segment.start + 1, 4), "big")
            size = (width, height)
        elif segment.marker == jpeg.SOS and size is not None:
            return _header(*size, exif)
    return None


def _of_png(source: Window) -> QuickHeader | None:
    exif, size = ExifFacts(), (0, 0)
    for chunk in png.chunks(source):
        if chunk.kind == b"IHDR":
            size = _four(source.get(chunk.start, 4)), _four(source.get(chunk.start + 4, 4))
        elif chunk.kind == b"eXIf" and chunk.stop - chunk.start <= _MOST_EXIF_BYTES:
            exif = read_exif(source.get(chunk.start, chunk.stop - chunk.start))
        elif chunk.kind == b"IDAT":  # EXIF behind the pixels is rare: a decoder looks for it
            return _header(*size, exif) if exif != ExifFacts() else _png_end(source, chunk, size)
    return None


def _png_end(source: Window, pixels: png.Chunk, size: tuple[int, int]) -> QuickHeader | None:
    """Without EXIF before the pixels: only where the file is one chunk of them and the end."""
    behind = source.get(pixels.stop + 4, 8)
    return _header(*size, ExifFacts()) if behind[4:] in (b"IEND", b"IDAT") else None


def _of_webp(source: Window) -> QuickHeader | None:
    exif, size = ExifFacts(), (0, 0)
    for number, chunk in enumerate(webp.chunks(source)):
        if number == 0:
            size, has_exif = _webp_size(source, chunk)
            if not has_exif:
                return _header(*size, exif)
        elif chunk.kind == b"EXIF" and chunk.stop - chunk.start <= _MOST_EXIF_BYTES:
            body = source.get(chunk.start, chunk.stop - chunk.start)
            return _header(*size, read_exif(body.removeprefix(jpeg.EXIF)))
    return _header(*size, exif)


def _webp_size(source: Window, chunk: png.Chunk) -> tuple[tuple[int, int], bool]:
    """Width and height, and whether the container says that it has EXIF: RFC 9649 §2.5 to 2.7."""
    head = source.get(chunk.start, 10)
    if chunk.kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (4, 7))
        return (width, height), bool(head[0] & 0x08)
    if chunk.kind == b"VP8L" and head[0] == 0x2F:  # noqa: PLR2004
        bits = int.from_bytes(head[1:5], "little")
        return ((bits & _BITS_14) + 1, (bits >> 14 & _BITS_14) + 1), False
    if chunk.kind == b"VP8 " and head[3:6] == b"\x9d\x01\x2a":
        width, height = _two(head[6:10], "little")
        return (width & _BITS_14, height & _BITS_14), False
    raise ValueError("no picture in the first chunk")


def _header(width: int, height: int, exif: ExifFacts) -> QuickHeader | None:
    if not (width and height):
        return None
    if exif.orientation >= _FIRST_TURNED:
        width, height = height, width
    return QuickHeader(
        width, height, exif.orientation, exif.taken_at, exif.latitude, exif.longitude
    )


def _two(four: bytes, order: str) -> tuple[int, int]:
    is_big = order == "big"
    first, second = (int.from_bytes(half, "big" if is_big else "little") for half in (four[:2], four[2:]))  # fmt: skip
    return first, second


def _four(text: bytes) -> int:
    return int.from_bytes(text, "big")
