"""Where time and randomness come from; everybody else takes them as arguments."""

import secrets
from datetime import UTC, datetime
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 22  # 62^22 is more than 2^130
_DRAWN: Final = 32
_FAIR: Final = 256 - 256 % len(_ALPHABET)  # bytes above would make some letters likelier
_LETTERS: Final = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))
_TOO_HIGH: Final = bytes(range(_FAIR, 256))


def utc_now() -> datetime:
    """The time, aware UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """An opaque id: 22 letters and digits, more than 128 random bits."""
    text = b""
    while len(text) < _ID_LENGTH:  # hardly ever twice
        text += secrets.token_bytes(_DRAWN).translate(_LETTERS, _TOO_HIGH)
    return text[:_ID_LENGTH].decode()
