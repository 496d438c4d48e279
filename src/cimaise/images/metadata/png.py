"""The chunks of a PNG file: PNG, third edition, §5."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cimaise.images.metadata.jpeg import Reads

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS: Final = 100_000
_MOST_BYTES: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: its type, and where its data lie. Its CRC is the four bytes from ``stop``."""

    kind: bytes
    start: int
    stop: int


def chunks(source: Reads) -> Iterator[Chunk]:
    """Every chunk up to and with IEND. ``ValueError`` where the file breaks off or is no PNG."""
    if source.get(0, len(SIGNATURE)) != SIGNATURE:
        raise ValueError("no PNG signature")
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        head = source.get(at, 8)
        length = int.from_bytes(head[:4], "big")
        if length > _MOST_BYTES:
            raise ValueError("a chunk is too long")
        yield Chunk(head[4:], at + 8, at + 8 + length)
        if head[4:] == b"IEND":
            return
        at += 12 + length
    raise ValueError("too many chunks")
