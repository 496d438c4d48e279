"""Signed URLs and the sweeping of what is temporary, measured."""

from collections.abc import Mapping
from datetime import datetime

from cimaise.storage.base import Grant, Presigner, SignedDoor, SignedRequest, Sweeper
from cimaise.storage.measured.meter import Meter


class MeasuredPresigner:
    """See :class:`cimaise.storage.base.Presigner`: each call is measured."""

    def __init__(self, inner: Presigner, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter
        self.origin = inner.origin

    def put(
        self,
        key: str,
        *,
        size: int,
        content_type: str,
        expires_at: datetime,
        sha256: str | None = None,
    ) -> SignedRequest:
        """Measured as ``presign_put``."""
        with self._meter("presign_put"):
            return self._inner.put(
                key, size=size, content_type=content_type, expires_at=expires_at, sha256=sha256
            )

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
        """Measured as ``presign_part``."""
        with self._meter("presign_part"):
            return self._inner.part(
                key,
                upload_id,
                part_number,
                expires_at=expires_at,
                size=size,
                max_bytes=max_bytes,
                session_id=session_id,
            )

    def parts(
        self, key: str, upload_id: str, sizes: Mapping[int, int], *, expires_at: datetime
    ) -> list[str]:
        """Measured as ``presign_part``."""
        with self._meter("presign_part", len(sizes)):
            return self._inner.parts(key, upload_id, sizes, expires_at=expires_at)

    def get(
        self,
        key: str,
        *,
        expires_at: datetime,
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> SignedRequest:
        """Measured as ``presign_get``."""
        with self._meter("presign_get"):
            return self._inner.get(
                key,
                expires_at=expires_at,
                content_type=content_type,
                content_disposition=content_disposition,
            )


class MeasuredDoor:
    """See :class:`cimaise.storage.base.SignedDoor`: each call is measured."""

    def __init__(self, inner: SignedDoor, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    def open_grant(self, token: str, now: datetime) -> Grant:
        """Measured as ``open_grant``."""
        with self._meter("open_grant"):
            return self._inner.open_grant(token, now)


class MeasuredSweeper:
    """See :class:`cimaise.storage.base.Sweeper`: each call is measured."""

    def __init__(self, inner: Sweeper, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Measured as ``sweep``."""
        with self._meter("sweep"):
            return await self._inner.sweep_temporary(older_than)
