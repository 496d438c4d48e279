"""The boxes that MP4, QuickTime, HEIF and AVIF are made of (ISO/IEC 14496-12 §4.2, §4.3)."""

from dataclasses import dataclass
from typing import Final

from cimaise.uploads.signatures.base import Head, number

_MAX_FTYP_BYTES: Final = 4096
_BOX_HEADER: Final = 8
_LARGE: Final = 1  # the size follows as 64 bits
_TO_THE_END: Final = 0


@dataclass(frozen=True, slots=True)
class Brands:
    """What a file says that it is made for: four characters each."""

    major: bytes
    compatible: frozenset[bytes]


def brands(head: Head, *, at: int = 0) -> Brands | None:
    """The brands of the ``ftyp`` box at ``at``; ``None`` where there is no sound one.

    A box has to follow it, because nothing is kept in ``ftyp`` itself.
    """
    data = head.data
    size = number(data, at, 4, "big")
    if data[at + 4 : at + 8] != b"ftyp" or size % 4 or not 16 <= size <= _MAX_FTYP_BYTES:  # noqa: PLR2004
        return None
    if not is_box(head, at + size):
        return None
    names = data[at + 16 : at + size]
    listed = frozenset(names[i : i + 4] for i in range(0, len(names), 4))
    return Brands(data[at + 8 : at + 12], listed)


def is_box(head: Head, at: int) -> bool:
    """A header of a box is at ``at``, and the box begins inside the file."""
    size = number(head.data, at, 4, "big")
    name = head.data[at + 4 : at + 8]
    if len(name) < 4 or not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in name):  # noqa: PLR2004
        return False
    return size in {_LARGE, _TO_THE_END} or size >= _BOX_HEADER
