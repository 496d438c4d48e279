"""What a signature is, and reading numbers out of bytes that may end too early."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Order: TypeAlias = Literal["little", "big"]
"""Which byte of a number comes first."""

HEAD_BYTES: Final = 65_536
"""How many bytes of a file are looked at."""


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file.

    Attributes:
        data: The first :data:`HEAD_BYTES` bytes, or all where the file is shorter.
        size: Length of the whole file in bytes.
    """

    data: bytes
    size: int

    @property
    def is_whole(self) -> bool:
        """Nothing of the file lies outside of ``data``."""
        return self.size <= len(self.data)


@dataclass(frozen=True, slots=True)
class Signature:
    """One kind of file.

    Attributes:
        media_type: What such a file is called.
        extensions: Lower case, with dot, that such files usually have.
        test: Whether a head is the beginning of such a file. Never raises; takes time at most
            linear in the head's length.
    """

    media_type: str
    extensions: tuple[str, ...]
    test: Callable[[Head], bool]


def number(data: bytes, at: int, width: int, order: Order, *, absent: int = -1) -> int:
    """The unsigned number of ``width`` bytes at ``at``; ``absent`` where the data ends before."""
    if at < 0 or at + width > len(data):
        return absent
    return int.from_bytes(data[at : at + width], order)


def begins(*magics: bytes) -> Callable[[Head], bool]:
    """A test for long magics that need no further look."""
    return lambda head: head.data.startswith(magics)
