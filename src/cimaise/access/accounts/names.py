"""Names and ids of accounts: what they may look like, and the name made from a token's subject."""

import hashlib
import re
from typing import Final

from cimaise.errors import Invalid

_CHOSEN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_DERIVED: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}~[0-9a-f]{16}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_STEM_LENGTH: Final = 40


def require_name(name: str) -> None:
    """A name that people may choose, or ``Invalid`` for ``name``."""
    if not _CHOSEN.fullmatch(name):
        raise Invalid(
            "A name has 1 to 63 characters: lower-case letters, digits, dot, hyphen, underscore;"
            " the first one is a letter or a digit.",
            field="name",
        )


def is_name(text: str) -> bool:
    """Could be the name of an account, chosen or derived; so it may be looked up."""
    return bool(_CHOSEN.fullmatch(text) or _DERIVED.fullmatch(text))


def is_id(text: str) -> bool:
    """Could be an id of ours; anything else is no use asking the database for."""
    return bool(_ID.fullmatch(text))


def is_chosen_name(text: str) -> bool:
    """A name that people may choose."""
    return bool(_CHOSEN.fullmatch(text))


def distinct_name(wanted: str, unique: str) -> str:
    """A name like the wanted one that nobody can have chosen, and only ``unique`` leads to."""
    stem = _OTHER.sub("-", wanted.lower())[:_STEM_LENGTH].strip("-") or "account"
    return f"{stem}~{hashlib.sha256(unique.encode()).hexdigest()[:16]}"


def name_of_subject(subject: str) -> str:
    """The account name for the ``sub`` of a token.

    A subject that is a name is that name. Any other is cleaned, and since cleaning makes
    different subjects alike (``Ann`` and ``ann!``), ``~`` and 64 bits of its SHA-256 follow.
    A name with ``~`` can't be chosen, so nobody can wait under one.
    """
    if _CHOSEN.fullmatch(subject):
        return subject
    return distinct_name(subject, subject)
