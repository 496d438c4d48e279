"""Texts that only this server can have written, each good for one purpose.

A token is ``base64url(payload) "." base64url(HMAC-SHA256)``. The key of a purpose is derived from
the server's secret with HKDF (RFC 5869; one block, so extract and one expand step), therefore a
token of one purpose is a bad signature for every other. Each payload has exactly one token: other
spellings of the same base64 are refused. The payload is readable by whoever holds the token.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from cimaise.errors import Forbidden

SECRET_MIN_BYTES: Final = 16
_MAX_TOKEN_CHARS: Final = 4096
_SALT: Final = b"cimaise signing v1"


class Signer:
    """Signs with one secret and opens with that or a former one.

    Derived keys are kept, for purposes are few and fixed. May be shared by threads.
    """

    def __init__(self, secret: bytes, former: Sequence[bytes] = ()) -> None:
        """Nothing is checked but the lengths.

        Args:
            secret: Signs; at least 16 unguessable bytes.
            former: What was signed with one of these is opened as well, until it is left out.

        Raises:
            ValueError: One is too short.
        """
        secrets = (secret, *former)
        if any(len(one) < SECRET_MIN_BYTES for one in secrets):
            raise ValueError(f"the server's secret needs at least {SECRET_MIN_BYTES} bytes")
        self._roots = tuple(hmac.digest(_SALT, one, hashlib.sha256) for one in secrets)
        self._keys: dict[str, tuple[bytes, ...]] = {}

    def sign(self, purpose: str, payload: bytes) -> str:
        """The token for ``payload``: URL-safe ASCII, the same every time."""
        return f"{_encode(payload)}.{_encode(_mac(self.keys_of(purpose)[0], payload))}"

    def open(self, purpose: str, token: str) -> bytes:
        """The payload that was signed for ``purpose``.

        Raises:
            Forbidden: ``bad_signature``: altered, made for something else, or not ours at all.
        """
        head, dot, tail = token.partition(".") if len(token) <= _MAX_TOKEN_CHARS else ("", "", "")
        payload, mac = _decode(head), _decode(tail)
        if not dot or payload is None or mac is None:
            raise _bad_signature()
        keys = self.keys_of(purpose)
        if not any(hmac.compare_digest(mac, _mac(key, payload)) for key in keys):
            raise _bad_signature()
        return payload

    def key_of(self, purpose: str) -> bytes:
        """A key for what others sign and open: no token made here is good there."""
        return self.keys_of(purpose)[0]

    def keys_of(self, purpose: str) -> tuple[bytes, ...]:
        """The same, and those of the former secrets behind it."""
        keys = self._keys.get(purpose)
        if keys is None:
            info = purpose.encode() + b"\x01"
            keys = tuple(hmac.digest(root, info, hashlib.sha256) for root in self._roots)
            self._keys[purpose] = keys
        return keys


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, hashlib.sha256)


def _bad_signature() -> Forbidden:
    return Forbidden("The signature is not valid.", code="bad_signature")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    """The bytes; ``None`` where the text is not what :func:`_encode` writes."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return raw if _encode(raw) == text else None
