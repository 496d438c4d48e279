"""Signed URLs of the bucket itself: bytes never pass through this server."""

from collections.abc import Callable, Mapping
from datetime import datetime

from cimaise.rfc.sigv4 import Signer
from cimaise.storage.base import SignedRequest
from cimaise.storage.checks import require_part_number
from cimaise.storage.s3.location import Location
from cimaise.storage.signed_urls import lifetime_s, origin_of


class S3Presigner:
    """See :class:`cimaise.storage.base.Presigner`. Known length and type are signed headers."""

    def __init__(
        self,
        location: Location,
        signer: Signer,
        *,
        now: Callable[[], datetime],
        binds_checksums: bool = False,
    ) -> None:
        """``binds_checksums``: the store verifies SHA-256 sums, so declared ones are signed."""
        self._location = location
        self._signer = signer
        self._now = now
        self._binds_checksums = binds_checksums
        self.origin = origin_of(location.url("/", ""))

    def put(
        self,
        key: str,
        *,
        size: int,
        content_type: str,
        expires_at: datetime,
        sha256: str | None = None,
    ) -> SignedRequest:
        """Write the whole object."""
        sent = {"Content-Type": content_type}
        if sha256 is not None and self._binds_checksums:
            sent["x-amz-checksum-sha256"] = sha256
        bound = {"content-length": str(size), **{name.lower(): sent[name] for name in sent}}
        return SignedRequest(self._url("PUT", key, {}, bound, expires_at), "PUT", sent)

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
        """Write one part. A greatest length cannot be signed."""
        del max_bytes, session_id
        require_part_number(part_number)
        query = {"partNumber": str(part_number), "uploadId": upload_id}
        length = {} if size is None else {"content-length": str(size)}
        url = self._url("PUT", key, query, length, expires_at)
        return SignedRequest(url, "PUT")

    def parts(
        self, key: str, upload_id: str, sizes: Mapping[int, int], *, expires_at: datetime
    ) -> list[str]:
        """Write many. Those of one length are signed in one go."""
        now, path = self._now(), self._location.path(key)
        by_size: dict[int, list[int]] = {}
        for number, size in sizes.items():
            require_part_number(number)
            by_size.setdefault(size, []).append(number)
        signed: dict[int, str] = {}
        for size, numbers in by_size.items():
            queries = self._signer.presign_each(
                "PUT", self._location.host, path,
                expires_in_s=lifetime_s(expires_at, now), now=now,
                query={"uploadId": upload_id}, signed_headers={"content-length": str(size)},
                varied="partNumber", values=map(str, numbers),
            )  # fmt: skip
            signed.update(zip(numbers, queries, strict=True))
        base = self._location.url(path, "")
        return [f"{base}?{signed[number]}" for number in sizes]

    def get(
        self,
        key: str,
        *,
        expires_at: datetime,
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> SignedRequest:
        """Read the object."""
        query = {}
        if content_type is not None:
            query["response-content-type"] = content_type
        if content_disposition is not None:
            query["response-content-disposition"] = content_disposition
        return SignedRequest(self._url("GET", key, query, {}, expires_at), "GET")

    def _url(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        expires_at: datetime,
    ) -> str:
        now = self._now()
        path = self._location.path(key)
        signed = self._signer.presign(
            method,
            self._location.host,
            path,
            expires_in_s=lifetime_s(expires_at, now),
            now=now,
            query=query,
            signed_headers=headers,
        )
        return self._location.url(path, signed)
