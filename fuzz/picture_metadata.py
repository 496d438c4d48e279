"""Metadata of pictures' files: read without a decoder, and private things taken out for good."""

import os
import struct
from pathlib import Path
from tempfile import gettempdir

import atheris

from fuzz.harness import fuzz
from tests.kit import private_pictures as kit

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.images.decoders.base import ImageHeader
    from cimaise.images.metadata.private import (
        CannotClean,
        apply_patches,
        clean_exif,
        find_patches,
    )
    from cimaise.images.metadata.quick import read_quick_header
    from cimaise.images.metadata.tiff import read_exif
    from cimaise.images.metadata.windows import CutShort

FILE = Path(gettempdir()) / f"cimaise-fuzz-{os.getpid()}"


class Whole:
    """A file in memory."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def get(self, start: int, count: int) -> bytes:
        """As files are looked at: exactly so many bytes, or none."""
        if start < 0 or start + count > len(self.body):
            raise CutShort("the file ends early")
        return self.body[start : start + count]


def target(data: bytes) -> None:
    read_exif(data)
    once = clean_exif(data)
    assert len(once) == len(data)
    assert clean_exif(once) == once
    _read_header(data)
    _clean(data)


def _read_header(data: bytes) -> None:
    FILE.write_bytes(data)
    try:
        header = read_quick_header(FILE, _no_decoder)
    finally:
        FILE.unlink()
    assert min(header.width, header.height) > 0


def _no_decoder(_path: Path) -> ImageHeader:
    return ImageHeader(media_type="image/png", format="png", width=1, height=1)


def _clean(data: bytes) -> None:
    try:
        patches = find_patches(Whole(data))
    except CannotClean:
        return
    after = apply_patches(data, 0, patches)
    assert len(after) == len(data)
    assert find_patches(Whole(after)) == ()


def _seeds() -> list[bytes]:
    exif, xmp = kit.exif(), kit.XMP
    return [
        exif,
        kit.jpeg_with(kit.segment(0xE1, b"Exif\0\0" + exif)),
        kit.jpeg_with(kit.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)),
        _multi_picture(),
        kit.png_with(kit.chunk(b"eXIf", exif), kit.chunk(b"iTXt", b"XML:com.adobe.xmp\0" + xmp)),
        kit.webp_with((b"EXIF", exif), (b"XMP ", xmp)),
    ]


def _multi_picture() -> bytes:
    """Two JPEGs, the second one named by the first (CIPA DC-007 §5.2.3)."""
    other = kit.jpeg_with(kit.segment(0xE1, b"Exif\0\0" + kit.exif()))
    first = kit.jpeg_with(kit.segment(0xE2, b"MPF\0" + bytes(42)))
    start = first.index(b"MPF\0") + 4
    index = (
        b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0xB002, 7, 16, 26) + bytes(4)
        + struct.pack("<IIIHH", 0, len(other), len(first) - start, 0, 0)
    )  # fmt: skip
    return first[:start] + index + first[start + len(index) :] + other


if __name__ == "__main__":
    fuzz(target, _seeds(), max_bytes=8192)
