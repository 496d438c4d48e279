"""JPEG XL, by libjxl, where its plug-in is installed.

The plug-in decodes when it opens. So the size is read here first, out of the code stream.
"""

from pathlib import Path
from typing import Final

import pyvips
from PIL import Image
from pillow_jxl import JpegXLImagePlugin

from cimaise.errors import Invalid, Limit
from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.decoders.by_pillow import frames_of, header_of, open_image
from cimaise.images.limits import MAX_ISOLATED_PIXELS

_PLUGIN: Final = str(JpegXLImagePlugin.JXLImageFile.format)
_CODE_STREAM: Final = b"\xff\x0a"
_FIRST_BYTES: Final = 64 * 1024
_BOX_HEAD_BYTES: Final = 8
_SIZE_BITS: Final = (9, 13, 18, 30)
_RATIOS: Final = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def _read_header(source: Source) -> ImageHeader:
    _require_size(source)
    with open_image(source, _PLUGIN) as image:
        return header_of("jxl", image, orientation=None if _is_jpeg(image) else 1)


def _open(source: Source, _header: ImageHeader, _frames: int, _factor: float) -> pyvips.Image:
    with open_image(source, _PLUGIN) as image:
        return frames_of(image, 1)


def _is_jpeg(image: Image.Image) -> bool:
    """Whether the file holds a JPEG whole (ISO/IEC 18181-2, box ``jbrd``).

    The plug-in restores that file and gives its pixels as they lie there; all others it turns
    upright by itself.
    """
    return bool(getattr(image, "jpeg", False))


def _require_size(source: Source) -> None:
    if isinstance(source, Path):
        with source.open("rb") as file:
            head = file.read(_FIRST_BYTES)
    else:
        head = source[:_FIRST_BYTES]
    width, height = stored_size(head)
    if width * height > MAX_ISOLATED_PIXELS:
        raise Invalid(
            f"The picture has {width * height:,} pixels, the limit is {MAX_ISOLATED_PIXELS:,}.",
            code="too_many_pixels",
            limit=Limit("max_pixels", MAX_ISOLATED_PIXELS, width * height),
        )


def stored_size(head: bytes) -> tuple[int, int]:
    """Width and height in the size header of a code stream (ISO/IEC 18181-1 section D.2).

    Raises:
        ValueError: There is no code stream in these bytes.
    """
    bits = _Bits(_code_stream(head))
    if bits.take(1):
        height = (bits.take(5) + 1) * 8
        ratio = bits.take(3)
        return (_by_ratio(height, ratio) if ratio else (bits.take(5) + 1) * 8), height
    height = bits.take(_SIZE_BITS[bits.take(2)]) + 1
    ratio = bits.take(3)
    return (_by_ratio(height, ratio) if ratio else bits.take(_SIZE_BITS[bits.take(2)]) + 1), height


def _by_ratio(height: int, ratio: int) -> int:
    numerator, denominator = _RATIOS[ratio]
    return height * numerator // denominator


def _code_stream(head: bytes) -> bytes:
    """Where the code stream begins, past its signature; in a container it lies in a box."""
    if head.startswith(_CODE_STREAM):
        return head[len(_CODE_STREAM) :]
    at = 0
    while at + _BOX_HEAD_BYTES <= len(head):
        size, kind = int.from_bytes(head[at : at + 4]), head[at + 4 : at + 8]
        body = at + _BOX_HEAD_BYTES + (8 if size == 1 else 0)
        if kind in (b"jxlc", b"jxlp"):
            body += 4 if kind == b"jxlp" else 0
            if head[body : body + 2] == _CODE_STREAM:
                return head[body + 2 :]
            break
        if size < _BOX_HEAD_BYTES:
            break
        at += size
    raise ValueError("no JPEG XL code stream")


class _Bits:
    """Reads numbers of some bits, the lowest bit first."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content[:16], "little")
        self._left = 8 * len(content[:16])

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the code stream is too short")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return value


JXL: Final = Decoder(_read_header, _open)
