"""Identifiers of pictures in IIIF's addresses.

A stored picture is its file's id. A picture of a folder album is its own path, ``albums/Walk/1.jpg``,
which is one segment of the address: its slashes arrive as ``%2F`` (Image API 3.0 §3, §9).
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from cimaise.errors import NotFound

_ALBUMS: Final = "albums"
_ALBUM_SEGMENTS: Final = 3


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A published file that is a picture."""

    file_id: str


@dataclass(frozen=True, slots=True)
class AlbumPicture:
    """A file of a folder album."""

    album: str
    file: str


def decode_segment(raw: str) -> str:
    """A segment of the path, percent-decoded exactly once.

    Raises:
        NotFound: It is no UTF-8, or holds NUL.
    """
    try:
        text = unquote_to_bytes(raw.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise NotFound("There is no such picture.") from None
    if "\0" in text:
        raise NotFound("There is no such picture.")
    return text


def parse_identifier(identifier: str) -> StoredPicture | AlbumPicture:
    """What a decoded identifier names; ``NotFound`` where it can name nothing."""
    segments = identifier.split("/")
    if len(segments) == 1 and identifier:
        return StoredPicture(identifier)
    if len(segments) == _ALBUM_SEGMENTS and segments[0] == _ALBUMS and all(segments):
        return AlbumPicture(*segments[1:])
    raise NotFound("There is no such picture.")


def format_identifier(picture: StoredPicture | AlbumPicture) -> str:
    """The identifier as one segment of an address, percent-encoded."""
    if isinstance(picture, StoredPicture):
        return quote(picture.file_id, safe="")
    return quote(f"{_ALBUMS}/{picture.album}/{picture.file}", safe="")
