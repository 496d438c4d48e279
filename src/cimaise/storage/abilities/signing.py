"""URLs that carry a right, and the door they lead to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that anybody who holds it may send until it expires.

    Attributes:
        url: Absolute for S3; for local storage absolute too, from the configured public URL.
        method: ``PUT`` or ``GET``.
        headers: Headers that must be sent as they are (``Content-Type`` for a PUT). A signed
            ``Content-Length`` is bound but not listed, because browsers set it by themselves.
    """

    url: str
    method: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Presigner(Protocol):
    """Signed URLs. Pure computation: no I/O, so plain functions.

    Lengths that are known and types are always bound: another body is refused by the storage.
    ``Invalid`` (field ``expires_at``) where a URL would live less than a second or more than
    seven days, which is all that S3 can sign.
    """

    @property
    def origin(self) -> str:
        """Scheme and host of all of them, as a browser says it: ``https://bucket.example``."""
        ...

    def put(
        self,
        key: str,
        *,
        size: int,
        content_type: str,
        expires_at: datetime,
        sha256: str | None = None,
    ) -> SignedRequest:
        """Write the whole object with one request of exactly ``size`` bytes.

        ``sha256`` (base64) is bound where the storage is set to verify it by itself: then another
        body is refused when it comes, not only when it is looked at.
        """
        ...

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
        """Write one part.

        Args:
            key: Of the object.
            upload_id: Of the multipart upload.
            part_number: 1 to 10,000.
            expires_at: When the URL is worthless.
            size: Exact length; ``None`` where nobody knows it before it comes.
            max_bytes: Then the most that may come. URLs of this server hold it; S3 has no way to,
                so there only a look at the stored parts tells.
            session_id: Then whose the part is, told to the door of this server's own URLs.
        """
        ...

    def parts(
        self, key: str, upload_id: str, sizes: Mapping[int, int], *, expires_at: datetime
    ) -> list[str]:
        """URLs to ``PUT`` parts to, in the order of ``sizes``: exact length by part number."""
        ...

    def get(
        self,
        key: str,
        *,
        expires_at: datetime,
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> SignedRequest:
        """Read the object; the two headers replace what the object was stored with."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """What a signed URL of local storage allows; the content of its token.

    Attributes:
        verb: ``put``, ``part`` or ``get``.
        key: The object.
        expires_at: Aware UTC; checked when the request starts.
        size: Exact length of the body, for ``put`` and ``part``; ``None`` where any is taken.
        content_type: Type that a PUT must declare, or that a GET answers with.
        upload_id: For ``part``.
        part_number: For ``part``.
        content_disposition: For ``get``.
        max_bytes: For a ``part`` without ``size``: its greatest length.
        session_id: For a ``part`` without ``size``: the upload that has to make room for it.
    """

    verb: str
    key: str
    expires_at: datetime
    size: int | None = None
    content_type: str | None = None
    upload_id: str | None = None
    part_number: int | None = None
    content_disposition: str | None = None
    max_bytes: int | None = None
    session_id: str | None = None


class SignedDoor(Protocol):
    """The other end of signed URLs that point back at this server (``/storage/{token}``)."""

    def open_grant(self, token: str, now: datetime) -> Grant:
        """Verify a token: ``Forbidden`` with ``bad_signature`` or ``expired_signature``."""
        ...
