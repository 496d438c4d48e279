"""tus resumable uploads 1.0.0: the values of its headers.

The specification is at https://tus.io/protocols/resumable-upload. Lengths and offsets are bytes.
Whatever cannot be read is ``Malformed``.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cimaise.errors import Malformed

VERSION: Final = "1.0.0"
CONTENT_TYPE: Final = "application/offset+octet-stream"
MAX_METADATA: Final = 16 * 1024
"""Longest ``Upload-Metadata``, in characters."""

MAX_PIECES: Final = 256
"""Most partial uploads of a final one."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_PRINTABLE: Final = re.compile(r"[ -~]*", re.ASCII)
_ALGORITHM: Final = re.compile(r"[a-z0-9-]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checksum:
    """``Upload-Checksum``: the name of an algorithm, and the digest as bytes."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Concatenation:
    """``Upload-Concat``: a partial upload, or a final one made of those at ``urls``, in order."""

    is_final: bool
    urls: tuple[str, ...] = ()


def parse_number(text: str, header: str) -> int:
    """A length or offset: digits alone, at most 18 of them."""
    if not _NUMBER.fullmatch(text):
        raise Malformed(f"{header} is a whole number of bytes.", field=header)
    return int(text)


def parse_metadata(text: str) -> dict[str, bytes]:
    """``Upload-Metadata``: values by key, in the order sent.

    Keys are ASCII without spaces and commas, and unique. A value may be empty, and then the space
    before it may be left out.
    """
    if len(text) > MAX_METADATA:
        raise Malformed("Upload-Metadata is too long.", field="Upload-Metadata")
    if not _PRINTABLE.fullmatch(text):
        raise Malformed("Upload-Metadata is plain ASCII.", field="Upload-Metadata")
    found: dict[str, bytes] = {}
    if not text.strip():
        return found
    for pair in text.split(","):
        key, _, value = pair.strip(" ").partition(" ")
        if not key or key in found:
            raise Malformed("A key of Upload-Metadata is empty or repeated.", field="Upload-Metadata")  # fmt: skip
        found[key] = _decoded(value, "Upload-Metadata")
    return found


def parse_checksum(text: str) -> Checksum:
    """``Upload-Checksum``: the algorithm's name, a space, the digest in base64."""
    algorithm, space, digest = text.strip(" ").partition(" ")
    if not space or not _ALGORITHM.fullmatch(algorithm):
        raise Malformed("Upload-Checksum is an algorithm and a digest.", field="Upload-Checksum")
    return Checksum(algorithm, _decoded(digest, "Upload-Checksum"))


def parse_concat(text: str) -> Concatenation:
    """``Upload-Concat``: ``partial``, or ``final;`` and URLs with spaces between them."""
    if not _PRINTABLE.fullmatch(text):
        raise Malformed("Upload-Concat is plain ASCII.", field="Upload-Concat")
    kind, semicolon, rest = text.partition(";")
    if kind == "partial" and not semicolon:
        return Concatenation(is_final=False)
    urls = tuple(rest.split())
    if kind != "final" or not 1 <= len(urls) <= MAX_PIECES:
        raise Malformed("Upload-Concat is partial, or final with URLs.", field="Upload-Concat")
    return Concatenation(is_final=True, urls=urls)


def last_segment(url: str) -> str:
    """The last segment of an absolute or relative URL's path."""
    try:
        path = urlsplit(url).path
    except ValueError as fault:
        raise Malformed("Upload-Concat holds something that is no URL.", field="Upload-Concat") from fault  # fmt: skip
    return path.rstrip("/").rpartition("/")[2]


def _decoded(text: str, header: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Malformed(f"{header} holds something that is not base64.", field=header) from fault
