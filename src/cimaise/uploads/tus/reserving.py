"""Quota of an upload whose length is deferred: set aside in steps, settled once it is declared."""

from typing import Final

from sqlalchemy import Connection

from cimaise.errors import Gone, Malformed, TooLarge
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.session import UploadSession
from cimaise.uploads.stores import Stores
from cimaise.uploads.tus import rows
from cimaise.uploads.tus.creating import require_length
from cimaise.uploads.tus.rows import TusUpload

STEP: Final = 4 * 1024 * 1024
"""Bytes that are set aside at once, where the quota has room for them."""


async def declare_length(stores: Stores, upload: TusUpload, length: int, offset: int) -> TusUpload:
    """The length of an upload is known now; it never changes again.

    Raises:
        Malformed: Less than there is already.
        TooLarge: More than a limit or the quota allows.
        Gone: The upload ended meanwhile.
    """
    if length < offset:
        raise Malformed("Upload-Length is less than what is there.", field="Upload-Length")
    require_length(length, upload.max_bytes)

    def work(connection: Connection) -> TusUpload:
        session = rows.find(connection, upload.id).session
        if session.declared_size is not None:
            raise Malformed("The length of the upload is known already.", field="Upload-Length")
        _set_aside(connection, stores, session, length, declared_size=length)
        return rows.find(connection, upload.id)

    return await stores.database.write(work)


class Reservation:
    """What is set aside for an upload while its bytes come."""

    def __init__(self, stores: Stores, upload: TusUpload) -> None:
        self._stores = stores
        self._upload = upload
        self._is_needed = upload.length is None
        self._reserved = upload.session.reserved_bytes

    async def cover(self, size: int) -> None:
        """Set aside ``size`` bytes in all; ``TooLarge`` (``quota_exceeded``) or ``Gone``."""
        if not self._is_needed or size <= self._reserved:
            return
        try:
            await self._grow(size + STEP)
        except TooLarge:
            await self._grow(size)

    async def _grow(self, size: int) -> None:
        def work(connection: Connection) -> None:
            session = sessions.find(connection, self._upload.id)
            _set_aside(connection, self._stores, session, size)

        await self._stores.database.write(work)
        self._reserved = size


def _set_aside(
    connection: Connection, stores: Stores, session: UploadSession, size: int, **values: int
) -> None:
    """Reserve up to ``size`` bytes in all, and note it with ``values`` in the session."""
    if session.reserved_on is None:
        raise Gone("The upload has ended.")
    quota.reserve(
        connection,
        session.account_id,
        size=max(0, size - session.reserved_bytes),
        now=stores.clock(),
        defaults=stores.settings.quota,
        files=0,
        day=session.reserved_on,
        token_id=session.token_id,
    )
    reserved = max(size, session.reserved_bytes)
    if not sessions.note(connection, session, reserved_bytes=reserved, **values):
        raise Gone("The upload has ended.")
