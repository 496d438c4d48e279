"""Where time and randomness come from; everybody else takes them as arguments."""

import secrets
from datetime import UTC, datetime
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 22  # 62^22 is more than 2^130


def utc_now() -> datetime:
    """The time, aware UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """An opaque id: 22 letters and digits, more than 128 random bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
