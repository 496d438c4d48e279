"""Links for the worker at a CDN's edge, which serves a private bucket without asking us.

A token tells the worker everything and the client nothing: it is encrypted, so the object's key
stays hidden, and authenticated, so nobody makes one. ``edge/src/links.js`` is the other end. It
cannot be taken back before it expires, so it is given out by a redirect, after every check that an
original asks for, and lives for a short time.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

_SALT: Final = b"cimaise signing v1"
_INFO: Final = b"edge link\x01"  # RFC 5869 §2.3, with the number of the only block
_NONCE_INFO: Final = b"edge nonce\x01"
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class EdgeObject:
    """What the worker has to know of a file.

    Attributes:
        key: Of the object, with the prefix that the worker does not know.
        media_type: What it is served as.
        disposition: Value of ``Content-Disposition``.
        etag: Strong, without quotation marks.
        last_modified: As in the header.
        is_public: Anybody may keep it.
    """

    key: str
    media_type: str
    disposition: str
    etag: str
    last_modified: str
    is_public: bool


class EdgeLinks:
    """Seals links with one secret. The worker knows that one, and while it changes the other."""

    def __init__(self, url: str, secret: bytes, ttl_s: float) -> None:
        """Nothing is connected to.

        Args:
            url: Of the worker, without a trailing slash.
            secret: Shared with the worker and with nobody else; at least 32 bytes.
            ttl_s: Seconds that a link lives at least; at most twice as long.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (7 MB)

        root = hmac.digest(_SALT, secret, hashlib.sha256)
        self._url = url
        self._ttl = timedelta(seconds=ttl_s)
        self._cipher = AESGCM(hmac.digest(root, _INFO, hashlib.sha256))
        self._nonce_key = hmac.digest(root, _NONCE_INFO, hashlib.sha256)

    def link(self, what: EdgeObject, filename: str, *, now: datetime) -> str:
        """The address of the object at the edge.

        The same for the same file as long as a period of ``ttl_s`` lasts, so that browsers keep
        what they have. The nonce follows from what is sealed (RFC 8452 calls that synthetic), so
        no two texts ever share one.
        """
        plain = json.dumps(
            [
                what.key,
                int(self._expires_at(now).timestamp()),
                what.media_type,
                what.disposition,
                what.etag,
                what.last_modified,
                what.is_public,
            ]
        ).encode()
        nonce = hmac.digest(self._nonce_key, plain, hashlib.sha256)[:_NONCE_BYTES]
        sealed = nonce + self._cipher.encrypt(nonce, plain, None)
        token = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
        return f"{self._url}/o/{token}/{quote(filename, safe='')}"

    def _expires_at(self, now: datetime) -> datetime:
        period_s = self._ttl.total_seconds()
        begun = now.timestamp() // period_s * period_s
        return datetime.fromtimestamp(begun, UTC) + 2 * self._ttl
