"""Secrets that are shown once: how they are written, and what is kept of them.

API keys are ``cim_``, 33 characters of base62 (192 random bits) and 6 of a CRC-32 over all before,
so that a mistyped key costs no look-up and a leaked one can be recognised in a text. Cookies and
sign-in tokens are 43 characters of base64url (256 random bits). Of all of them only the SHA-256 is
kept; with so many random bits it needs neither salt nor work. Share links are written in the same
way, but are made of the server's secret and an id, so that their makers can be told them again.
"""

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable
from typing import Final

RandomBytes = Callable[[int], bytes]
KEY_PREFIX: Final = "cim_"
HINT_LENGTH: Final = len(KEY_PREFIX) + 4

_KEY_BYTES: Final = 24
_BODY_LENGTH: Final = 33  # 62 ** 33 > 2 ** 192
_CHECK_LENGTH: Final = 6  # 62 ** 6 > 2 ** 32
_OPAQUE_BYTES: Final = 32
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY: Final = re.compile(rf"{KEY_PREFIX}[0-9A-Za-z]{{{_BODY_LENGTH + _CHECK_LENGTH}}}")
_OPAQUE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def new_key(random_bytes: RandomBytes) -> str:
    """The text of a new API key."""
    number = int.from_bytes(random_bytes(_KEY_BYTES))
    body = KEY_PREFIX + _base62(number, _BODY_LENGTH)
    return body + _check(body)


def is_key(text: str) -> bool:
    """Is written as an API key is, check sum included."""
    return bool(_KEY.fullmatch(text)) and text[-_CHECK_LENGTH:] == _check(text[:-_CHECK_LENGTH])


def new_opaque(random_bytes: RandomBytes) -> str:
    """The text of a new cookie or sign-in token."""
    return base64.urlsafe_b64encode(random_bytes(_OPAQUE_BYTES)).rstrip(b"=").decode()


def derived_opaque(key: bytes, text: str) -> str:
    """The same for whoever has ``key``, every time: HMAC-SHA256 of ``text`` (RFC 2104)."""
    made = hmac.digest(key, text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def is_opaque(text: str) -> bool:
    """Is written as a cookie or sign-in token is."""
    return bool(_OPAQUE.fullmatch(text))


def digest_of(text: str) -> str:
    """What is kept: SHA-256, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
