"""E-mail addresses, which are another name to sign in by. Nothing is sent to them."""

import re
from typing import Final

from cimaise.errors import Invalid

MAX_CHARS: Final = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets
_FORM: Final = re.compile(r"[^\s@\x00-\x1f\x7f<>]{1,64}@[^\s@\x00-\x1f\x7f<>]{1,189}")


def require_email(text: str) -> str:
    """The address in lower case, or ``Invalid`` for ``email``."""
    email = text.strip().lower()
    if len(email) > MAX_CHARS or not _FORM.fullmatch(email) or not email.isprintable():
        raise Invalid("An e-mail address looks like name@example.org.", field="email")
    return email


def is_email(text: str) -> bool:
    """Looks like an address rather than a name: no name holds an at sign."""
    return "@" in text
