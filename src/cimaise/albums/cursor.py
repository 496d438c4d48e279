"""Where the next page begins: what the last picture was ordered by, as one opaque text."""

import base64
import binascii
from typing import Final

import msgspec

from cimaise.albums.model import Cursor
from cimaise.errors import Invalid

_MOST_CHARS: Final = 2000


def format_cursor(cursor: Cursor) -> str:
    """URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def parse_cursor(text: str | None) -> Cursor | None:
    """What :func:`format_cursor` was given, ``None`` for ``None``; ``Invalid`` for other texts."""
    if text is None:
        return None
    try:
        padded = text[:_MOST_CHARS].encode("ascii") + b"=" * (-len(text) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(raw, type=Cursor)
    except (ValueError, binascii.Error) as fault:  # msgspec's errors and Unicode's are ValueErrors
        raise Invalid("The cursor is not one of ours.", field="cursor") from fault
