"""A finished picture as it is kept: its facts, its name, and its form as a file."""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

HEAD: Final = struct.Struct(">4sQQII32s32s")  # mark, body, made at, width, height, type, ETag
_MARK: Final = b"CMV1"
_ETAG_HEX: Final = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept picture.

    Attributes:
        body: The encoded picture.
        media_type: For ``Content-Type``; at most 32 bytes.
        etag: Strong, without quotation marks.
        width: Pixels of one frame.
        height: Pixels of one frame.
        made_at_s: When it was made, seconds since 1970.
    """

    body: bytes
    media_type: str
    etag: str
    width: int
    height: int
    made_at_s: int


def make_etag(body: bytes) -> str:
    """The strong validator of a body: the first half of its SHA-256, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()[:_ETAG_HEX]


def source_folder(source: str) -> str:
    """What the names of everything made of a source begin with; ends with a slash."""
    digest = _digest(source)
    return f"{digest[:2]}/{digest[2:]}/"


def entry_name(source: str, variant: str) -> str:
    """Where an entry is kept, below the cache's folder."""
    return source_folder(source) + _digest(variant)


def format_entry(entry: Entry) -> bytes:
    """The whole file: a head of fixed length that says what it is, then the picture."""
    head = HEAD.pack(
        _MARK,
        len(entry.body),
        entry.made_at_s,
        entry.width,
        entry.height,
        entry.media_type.encode(),
        entry.etag.encode(),
    )
    return head + entry.body


def parse_entry(content: bytes) -> Entry | None:
    """The entry of a file; ``None`` for one that was cut short, or is none of ours."""
    if len(content) < HEAD.size:
        return None
    mark, size, made_at_s, width, height, media_type, etag = HEAD.unpack_from(content)
    if mark != _MARK or len(content) != HEAD.size + size:
        return None
    return Entry(
        content[HEAD.size :],
        media_type.rstrip(b"\0").decode(),
        etag.rstrip(b"\0").decode(),
        width,
        height,
        made_at_s,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
