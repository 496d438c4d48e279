"""Signed URLs of local storage: made by the presigner, verified by the door, nothing stored.

``{public_url}/storage/{token}``. A token is the grant as JSON and a HMAC-SHA256 of it, both
base64url (RFC 4648 §5) without padding, joined by a dot. The key of the HMAC is derived from the
server's secret for this purpose alone: a token signed for anything else is worthless here.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from cimaise.errors import Forbidden, Invalid
from cimaise.storage.base import Grant, SignedRequest
from cimaise.storage.keys import require_key

MAX_LIFETIME_S: Final = 604_800
"""Seven days: the most that S3 signs (AWS Signature Version 4, query parameters)."""

_PURPOSE: Final = b"cimaise storage url 1"
_MAX_TOKEN_LENGTH: Final = 8192
_MIN_SECRET_BYTES: Final = 16
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Grant).decode


def lifetime_s(expires_at: datetime, now: datetime) -> int:
    """Whole seconds a URL may live, never longer than asked for but at least one; ``Invalid`` outside of S3's."""
    left_s = (expires_at - now).total_seconds()
    seconds = 1 if 0 < left_s < 1 else int(left_s)  # a second that has just begun is one
    if not 1 <= seconds <= MAX_LIFETIME_S:
        raise Invalid("A signed URL lives 1 second to 7 days.", field="expires_at")
    return seconds


def origin_of(url: str) -> str:
    """Scheme and host with port (RFC 6454 §6.1)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class SignedUrls:
    """Presigner and signed door in one: they share nothing but the key."""

    def __init__(
        self,
        *,
        secret: bytes,
        public_url: str,
        now: Callable[[], datetime],
        former: Sequence[bytes] = (),
    ) -> None:
        """Neither is checked against anything: no I/O.

        Args:
            secret: The server's signing secret, at least 16 bytes.
            public_url: Base of the URLs; a slash at its end does not matter.
            now: The time, aware UTC.
            former: What was signed with one of these is still good.
        """
        if any(len(one) < _MIN_SECRET_BYTES for one in (secret, *former)):
            raise ValueError("the secret that signs URLs has at least 16 bytes")
        self._keys = tuple(hmac.digest(one, _PURPOSE, "sha256") for one in (secret, *former))
        self._base = public_url.rstrip("/") + "/storage/"
        self.origin = origin_of(public_url)
        self._now = now

    def put(
        self,
        key: str,
        *,
        size: int,
        content_type: str,
        expires_at: datetime,
        sha256: str | None = None,
    ) -> SignedRequest:
        """See :class:`cimaise.storage.base.Presigner`. What is local is hashed when complete."""
        del sha256
        grant = Grant("put", key, expires_at, size=size, content_type=content_type)
        return SignedRequest(self._url(grant), "PUT", {"Content-Type": content_type})

    def part(
        self,
        key: str,
        upload_id: str,
        part_number: int,
        *,
        expires_at: datetime,
        size: int | None = None,
        max_bytes: int | None = None,
        session_id: str | None = None,
    ) -> SignedRequest:
        """See :class:`cimaise.storage.base.Presigner`."""
        if size is None and max_bytes is None:
            raise ValueError("a part has a length or a greatest length")
        grant = Grant(
            "part",
            key,
            expires_at,
            size=size,
            upload_id=upload_id,
            part_number=part_number,
            max_bytes=max_bytes,
            session_id=session_id,
        )
        return SignedRequest(self._url(grant), "PUT")

    def parts(
        self, key: str, upload_id: str, sizes: Mapping[int, int], *, expires_at: datetime
    ) -> list[str]:
        """See :class:`cimaise.storage.base.Presigner`."""
        return [
            self.part(key, upload_id, number, size=size, expires_at=expires_at).url
            for number, size in sizes.items()
        ]

    def get(
        self,
        key: str,
        *,
        expires_at: datetime,
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> SignedRequest:
        """See :class:`cimaise.storage.base.Presigner`."""
        grant = Grant(
            "get",
            key,
            expires_at,
            content_type=content_type,
            content_disposition=content_disposition,
        )
        return SignedRequest(self._url(grant), "GET")

    def open_grant(self, token: str, now: datetime) -> Grant:
        """See :class:`cimaise.storage.base.SignedDoor`. The signature is compared first."""
        body, _, signature = token.rpartition(".")
        if len(token) > _MAX_TOKEN_LENGTH or not token.isascii():
            raise _bad_signature()
        given, signed = signature.encode("ascii"), body.encode("ascii")
        if not any(hmac.compare_digest(_signature(key, signed), given) for key in self._keys):
            raise _bad_signature()
        try:
            grant = _decode(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (NotBase64, msgspec.DecodeError) as fault:
            raise _bad_signature() from fault
        if now >= grant.expires_at:
            raise Forbidden("The signed URL is past its time.", code="expired_signature")
        return grant

    def _url(self, grant: Grant) -> str:
        require_key(grant.key)
        lifetime_s(grant.expires_at, self._now())
        body = urlsafe_b64encode(_encode(grant)).rstrip(b"=")
        return (
            f"{self._base}{body.decode('ascii')}.{_signature(self._keys[0], body).decode('ascii')}"
        )


def _signature(key: bytes, body: bytes) -> bytes:
    return urlsafe_b64encode(hmac.digest(key, body, "sha256")).rstrip(b"=")


def _bad_signature() -> Forbidden:
    return Forbidden("The signed URL is not one of ours.", code="bad_signature")
