"""The segments of a JPEG file: ITU-T T.81, Annex B. Only what comes before the pixels."""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

EXIF: Final = b"Exif\0\0"
APP1: Final = 0xE1
APP2: Final = 0xE2
SOS: Final = 0xDA
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended and progressive: Huffman
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_EOI: Final = 0xD9
_MOST_SEGMENTS: Final = 10_000


class Reads(Protocol):
    """Bytes by place: see :class:`cimaise.images.metadata.windows.Window`."""

    def get(self, start: int, count: int) -> bytes:
        """Exactly so many bytes from there; ``ValueError`` where there are fewer."""
        ...


class Segment(NamedTuple):
    """A segment: its marker's second byte, and where its payload lies."""

    marker: int
    start: int
    stop: int

    @property
    def is_frame(self) -> bool:
        """It tells the size of the picture."""
        return self.marker in _FRAMES


def segments(source: Reads, at: int = 0) -> Iterator[Segment]:
    """Segments from the SOI at ``at`` up to and with the first SOS.

    Raises:
        ValueError: The file breaks off, or is no JPEG.
    """
    if source.get(at, 2) != b"\xff\xd8":
        raise ValueError("no SOI")
    at += 2
    for _ in range(_MOST_SEGMENTS):
        first, marker = source.get(at, 2)
        if first != 0xFF:  # noqa: PLR2004
            raise ValueError("no marker where one belongs")
        if marker == 0xFF or marker in _ALONE:  # noqa: PLR2004 (a fill byte)
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004
            continue
        if marker == _EOI:
            return
        length = int.from_bytes(source.get(at + 2, 2), "big")
        if length < 2:  # noqa: PLR2004
            raise ValueError("a segment shorter than its length")
        yield Segment(marker, at + 4, at + 2 + length)
        if marker == SOS:
            return
        at += 2 + length
    raise ValueError("too many segments")
