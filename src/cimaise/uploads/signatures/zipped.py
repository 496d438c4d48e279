"""ZIP's own structure, and the names of the first entries, by which containers are told.

APPNOTE.TXT 6.3.10: §4.3.7 local file header, §4.3.16 end of central directory record.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cimaise.uploads.signatures.base import Head, number

MAX_END_BYTES: Final = 22 + 65_535
"""The end record with its longest comment lies within this many last bytes."""

_LOCAL: Final = b"PK\x03\x04"
_SPANNED: Final = (b"PK\x07\x08", b"PK00")  # marks before the first local header
_END: Final = b"PK\x05\x06"
_LOCAL_BYTES: Final = 30
_END_BYTES: Final = 22
_METHODS: Final = frozenset({*range(11), 12, 14, 16, 18, 19, 20, *range(92, 100)})
_MAX_VERSION: Final = 99
_SIZES_FOLLOW: Final = 0x08
_STORED: Final = 0
_DEFLATED: Final = 8
_MAX_ENTRIES: Final = 64
_MAX_CONTENT: Final = 16_384


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a ZIP: its name, and the beginning of what is in it where that can be told."""

    name: bytes
    content: bytes


def is_zip(head: Head) -> bool:
    """The file begins with a sound local header, or is an empty archive."""
    if head.data.startswith(_END):
        return has_zip_end(head.data) and not any(head.data[4:20])
    return next(entries(head), None) is not None


def has_zip_end(tail: bytes) -> bool:
    """An end record is in a file's last bytes, and its comment does not go past them.

    Args:
        tail: The last :data:`MAX_END_BYTES` bytes, or the whole file where it is shorter.
    """
    at = tail.rfind(_END)
    while at >= 0:
        comment = number(tail, at + 20, 2, "little")
        if 0 <= comment <= len(tail) - at - _END_BYTES:
            return True
        at = tail.rfind(_END, 0, at)
    return False


def entries(head: Head) -> Iterator[Entry]:
    """The first entries, as far as the head holds their headers."""
    data = head.data
    at = 4 if data.startswith(_SPANNED) else 0
    for _ in range(_MAX_ENTRIES):
        length = _header_bytes(data, at)
        if length is None or at + length + _END_BYTES > head.size:
            return
        name = data[at + _LOCAL_BYTES : at + _LOCAL_BYTES + number(data, at + 26, 2, "little")]
        start = at + length
        stop = _content_end(data, at, start)
        yield Entry(name, _content(data, at, start, stop))
        at = stop


def _header_bytes(data: bytes, at: int) -> int | None:
    if data[at : at + 4] != _LOCAL or at + _LOCAL_BYTES > len(data):
        return None
    version, method = number(data, at + 4, 1, "little"), number(data, at + 8, 2, "little")
    name, extra = number(data, at + 26, 2, "little"), number(data, at + 28, 2, "little")
    if version > _MAX_VERSION or method not in _METHODS or not name:
        return None
    return _LOCAL_BYTES + name + extra


def _content_end(data: bytes, at: int, start: int) -> int:
    flags, packed = number(data, at + 6, 2, "little"), number(data, at + 18, 4, "little")
    if packed or not flags & _SIZES_FOLLOW:
        return start + packed
    following = data.find(_LOCAL, start)  # the size comes after the content: look for what is next
    return len(data) if following < 0 else following


def _content(data: bytes, at: int, start: int, stop: int) -> bytes:
    method, packed = number(data, at + 8, 2, "little"), data[start:stop]
    if method == _STORED:
        return packed[:_MAX_CONTENT]
    if method != _DEFLATED:
        return b""
    try:
        return zlib.decompressobj(wbits=-15).decompress(packed, _MAX_CONTENT)
    except zlib.error:
        return b""
