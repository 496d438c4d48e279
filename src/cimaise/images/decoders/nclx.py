"""Code points of colour in AVIF and HEIC files (ISO/IEC 23008-12, boxes of ISO/IEC 14496-12)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cimaise.images.cicp import Cicp
from cimaise.images.decoders.base import Source

_FIRST_BYTES: Final = 256 * 1024
_MOST_BOXES: Final = 2000
_FULL_BOX_BYTES: Final = 4  # version and flags


def read_cicp(source: Source) -> Cicp | None:
    """What the first ``nclx`` among the properties of the items says; ``None`` where none does."""
    head = source[:_FIRST_BYTES] if isinstance(source, bytes) else _head_of(source)
    for meta in _boxes(head, b"meta"):
        for properties in _boxes(meta[_FULL_BOX_BYTES:], b"iprp"):
            for container in _boxes(properties, b"ipco"):
                for colour in _boxes(container, b"colr"):
                    if colour[:4] == b"nclx" and len(colour) >= 8:  # noqa: PLR2004
                        return Cicp(int.from_bytes(colour[4:6]), int.from_bytes(colour[6:8]))
    return None


def _boxes(content: bytes, kind: bytes) -> Iterator[bytes]:
    """The contents of all boxes of a kind; what is cut short is left out."""
    at = 0
    for _ in range(_MOST_BOXES):
        size, body = int.from_bytes(content[at : at + 4]), at + 8
        if size == 1:
            size, body = int.from_bytes(content[at + 8 : at + 16]), at + 16
        elif size == 0:
            size = len(content) - at
        if size < body - at or at + size > len(content):
            return
        if content[at + 4 : at + 8] == kind:
            yield content[body : at + size]
        at += size


def _head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_FIRST_BYTES)
