"""Keys of objects: the only place that makes them.

A key says nothing: no user's text, no file name, no account. ``incoming/<id>`` is where bytes
wait that nobody has looked at yet; ``objects/<ab>/<cd>/<id>`` is where they stay. The two
pairs of letters come from a digest of the id, so that a folder of the file system holds few names
whatever ids look like.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from cimaise.errors import Invalid

INCOMING: Final = "incoming/"
OBJECTS: Final = "objects/"
VARIANTS: Final = "variants/"
"""What can be made again: pictures at other sizes, where machines share them."""
MAX_KEY_LENGTH: Final = 200
MAX_NAME_BYTES: Final = 1024
"""Longest key of S3 (AWS: Amazon S3 object key names)."""

RESERVED: Final = frozenset({"tmp", "multipart"})
"""First segments that no key has: the filesystem keeps its own things there."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{4,128}", re.ASCII)
_KEY: Final = re.compile(
    r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII
)


def incoming_key(new_id: str | Callable[[], str]) -> str:
    """Where a signed URL writes; ``new_id`` is an id nobody can guess, or what makes one."""
    return INCOMING + _id(new_id)


def object_key(new_id: str | Callable[[], str]) -> str:
    """Where an object stays; ``new_id`` is an id nobody can guess, or what makes one."""
    name = _id(new_id)
    shard = sha256(name.encode("ascii")).hexdigest()
    return f"{OBJECTS}{shard[:2]}/{shard[2:4]}/{name}"


def is_valid_id(text: str) -> bool:
    """Whether a key can be made of it."""
    return _ID.fullmatch(text) is not None


def is_todays_key(key: str) -> bool:
    """Whether :func:`object_key` makes it; others were left by older schemes."""
    name = key.rpartition("/")[2]
    return is_valid_id(name) and key == object_key(name)


def _id(new_id: str | Callable[[], str]) -> str:
    text = new_id if isinstance(new_id, str) else new_id()
    if not _ID.fullmatch(text):
        raise ValueError("an id of a key is 4 to 128 letters, digits, '-' and '_'")
    return text


def is_valid_key(key: str) -> bool:
    """Whether a storage takes it: ASCII segments, none of which begins with a dot."""
    return (
        len(key) <= MAX_KEY_LENGTH
        and _KEY.fullmatch(key) is not None
        and key.partition("/")[0] not in RESERVED
    )


def require_key(key: str) -> str:
    """The key itself; ``Invalid`` where no storage may be asked for it."""
    if not is_valid_key(key):
        raise Invalid("This is not the key of an object.", field="key")
    return key


def require_name(name: str) -> str:
    """A name that older schemes or other programs may have given; ``Invalid`` for none."""
    segments = name.split("/")
    is_good = (
        0 < len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES
        and name.isprintable()
        and not {"", ".", ".."} & set(segments)
        and segments[0] not in RESERVED
    )
    if not is_good:
        raise Invalid("This is not the name of an object.", field="key")
    return name
