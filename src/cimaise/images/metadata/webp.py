"""The chunks of a WebP file: RFC 9649 §2."""

from collections.abc import Iterator
from typing import Final

from cimaise.images.metadata.jpeg import Reads
from cimaise.images.metadata.png import Chunk

_MOST_CHUNKS: Final = 100_000
HEADER_BYTES: Final = 12


def chunks(source: Reads) -> Iterator[Chunk]:
    """Every chunk of the RIFF container. ``ValueError`` where it breaks off or is no WebP."""
    head = source.get(0, HEADER_BYTES)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise ValueError("no WebP header")
    end = 8 + int.from_bytes(head[4:8], "little")
    at = HEADER_BYTES
    for _ in range(_MOST_CHUNKS):
        if at + 8 > end:
            return
        head = source.get(at, 8)
        length = int.from_bytes(head[4:], "little")
        if at + 8 + length > end:
            raise ValueError("a chunk reaches over the end")
        yield Chunk(head[:4], at + 8, at + 8 + length)
        at += 8 + length + length % 2
    raise ValueError("too many chunks")
