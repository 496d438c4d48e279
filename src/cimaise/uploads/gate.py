"""The one admission policy for every door: rights, name, size, type, quota.

What is known before a byte has come is decided by :func:`admit`; what only the bytes tell by
:func:`admit_content`. Doors translate, they never decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cimaise.access import policy as rights
from cimaise.access.policy import Principal
from cimaise.errors import Invalid
from cimaise.library.acceptance import require_extension, require_size, require_type
from cimaise.library.model import Collection
from cimaise.rfc.disposition import clean_filename
from cimaise.rfc.media_types import parse_media_type
from cimaise.settings import Uploads

MAX_FILENAME: Final = 1024
UNDECLARED: Final = "application/octet-stream"
_NOTHING: Final = frozenset({"", "null", "undefined"})
"""What scripts write where they know no type."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What may come.

    Attributes:
        filename: Cleaned: no folders, no control characters, at most 255 bytes.
        media_type: As declared, or ``application/octet-stream``.
        max_bytes: The smallest of all limits that hold for this file.
    """

    filename: str
    media_type: str
    max_bytes: int


def admit(
    principal: Principal,
    collection: Collection,
    *,
    filename: str,
    size: int | None,
    declared_type: str | None,
    settings: Uploads,
) -> Admission:
    """Decide what can be decided before any byte has come.

    Args:
        principal: Who sends.
        collection: Where to.
        filename: As the sender calls it.
        size: Declared bytes, or ``None`` where nobody knows.
        declared_type: Media type as the sender calls it.
        settings: The server's own limits.

    Raises:
        NotSignedIn, Forbidden: No right to upload into the collection.
        Invalid: The name, the declared type or the size cannot be.
        TypeNotAllowed: The extension or the declared type is refused.
        TooLarge: More than a limit allows.
    """
    rights.require_contribute(principal, collection.facts)
    name = _admit_name(filename, (settings.extensions, collection.policy.extensions))
    media_type = _admit_form(declared_type)
    if media_type != UNDECLARED:
        require_type(media_type, collection.policy.types)
    own = collection.policy.max_bytes or settings.max_bytes
    max_bytes = min(settings.max_bytes, own)
    if size is not None:
        limit_name = "policy.max_bytes" if max_bytes < settings.max_bytes else "uploads.max_bytes"
        require_size(size, max_bytes, limit_name)
    return Admission(name, media_type, max_bytes)


def admit_any(
    *, filename: str, size: int | None = None, declared_type: str | None, settings: Uploads
) -> Admission:
    """Decide by the request's form and the server's own limits alone.

    The first thing of all, and all there is where the collection comes after the bytes:
    :func:`admit` has the last word once it is known.
    """
    name = _admit_name(filename, (settings.extensions,))
    if size is not None:
        require_size(size, settings.max_bytes, "uploads.max_bytes")
    return Admission(name, _admit_form(declared_type), settings.max_bytes)


def _admit_name(filename: str, allow_lists: Sequence[tuple[str, ...]]) -> str:
    if not filename.strip():
        raise Invalid("The file needs a name.", field="filename")
    if len(filename) > MAX_FILENAME:
        raise Invalid("The file's name is too long.", field="filename")
    name = clean_filename(filename)
    for allowed in allow_lists:
        require_extension(name, allowed)
    return name


def _admit_form(declared_type: str | None) -> str:
    if declared_type is None or declared_type.strip() in _NOTHING:
        return UNDECLARED
    parsed = parse_media_type(declared_type)
    if parsed is None:
        raise Invalid("content_type is not a media type.", field="content_type")
    return parsed[0]


def admit_content(collection: Collection, *, found_type: str) -> None:
    """Decide by what the bytes are: ``TypeNotAllowed`` where the collection wants others."""
    require_type(found_type, collection.policy.types)
