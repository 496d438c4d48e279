"""What a collection takes: one rule for what is sent to it and for what moves into it.

An empty allow-list allows everything.
"""

from collections.abc import Sequence

from cimaise.errors import Invalid, Limit, TooLarge, TypeNotAllowed
from cimaise.library.model import Policy
from cimaise.rfc.disposition import extension_of
from cimaise.rfc.media_types import media_type_matches


def require_accepted(policy: Policy, *, filename: str, media_type: str, size: int) -> None:
    """A file that is here already. ``size`` is in bytes; 0 of a link to one that is kept elsewhere.

    Raises:
        TypeNotAllowed, TooLarge: The policy refuses it.
    """
    require_extension(filename, policy.extensions)
    require_type(media_type, policy.types)
    if policy.max_bytes is not None and size:
        require_size(size, policy.max_bytes, "policy.max_bytes")


def require_extension(filename: str, allowed: Sequence[str]) -> None:
    """The name ends as one of ``allowed`` (``.zip``), or ``TypeNotAllowed``."""
    if allowed and extension_of(filename) not in allowed:
        shown = ", ".join(allowed)
        raise TypeNotAllowed(f"Only {shown} files are accepted here.", field="filename")


def require_type(media_type: str, allowed: Sequence[str]) -> None:
    """The type is one of ``allowed`` (``image/*``), or ``TypeNotAllowed``."""
    if allowed and not any(media_type_matches(pattern, media_type) for pattern in allowed):
        shown = ", ".join(allowed)
        raise TypeNotAllowed(f"Only {shown} is accepted here, not {media_type}.")


def require_size(size: int, max_bytes: int, limit_name: str) -> None:
    """From one byte to ``max_bytes``, or ``Invalid`` / ``TooLarge`` with the limit's name."""
    if size < 1:
        raise Invalid("An empty file is not accepted.", field="size")
    if size > max_bytes:
        raise TooLarge("The file is too large.", limit=Limit(limit_name, max_bytes, size))
