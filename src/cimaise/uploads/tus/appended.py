"""A sink for storages that can append: bytes go where they stay as soon as they come."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from cimaise.storage.base import AppendNow, Appends, Hold
from cimaise.storage.bodies import Piece
from cimaise.uploads.stores import Stores
from cimaise.uploads.tus import rows
from cimaise.uploads.tus.rows import TusUpload

_TOUCH: Final = timedelta(minutes=10)
"""How often a request that goes on and on says that somebody is at the upload."""


class AppendedSink:
    """See :class:`cimaise.uploads.tus.sinks.Sink`."""

    def __init__(
        self, stores: Stores, upload: TusUpload, appends: Appends, *, on_trial: bool
    ) -> None:
        self._stores = stores
        self._upload = upload
        self._appends = appends
        self._on_trial = on_trial
        self._hold = Hold(0, 0)
        self._size = 0
        self._append: AppendNow | None = None
        self._touched_at = stores.clock()

    @property
    def _names(self) -> tuple[str, str]:
        session = self._upload.session
        assert session.storage_upload_id is not None
        return session.storage_key, session.storage_upload_id

    async def start(self) -> int:
        """Take the upload over."""
        self._hold = await self._appends.take(*self._names, on_trial=self._on_trial)
        self._size = self._hold.size
        return self._size

    async def add(self, pieces: list[bytes]) -> None:
        """Append."""
        await self._appends.append(*self._names, self._hold, pieces, start=self._size)
        self._size += sum(map(len, pieces))
        await self.touch()

    def _touch(self, connection: Connection) -> None:
        self._touched_at = self._stores.clock()
        rows.touch(connection, self._upload.id, self._stores.expiry())

    def now(self) -> Callable[[Piece], bool] | None:
        """Adds without a hop to a thread, where the storage can."""
        append = self._append = self._appends.now(*self._names, self._hold)
        return None if append is None else partial(self._add_now, append)

    def _add_now(self, append: AppendNow, piece: Piece) -> bool:
        if not append(piece, self._size):
            return False
        self._size += len(piece)
        return True

    async def head(self, size: int) -> bytes:
        """Read them back."""
        return await self._appends.head(*self._names, size=size)

    async def touch(self) -> None:
        """Say that somebody is at the upload, now and then."""
        if self._stores.clock() - self._touched_at >= _TOUCH:
            await self._stores.database.write(self._touch)

    async def rest(self) -> None:
        """Nothing is only in memory."""
        self._close()
        await self.touch()

    def _close(self) -> None:
        if self._append is not None:
            self._append.rest()

    async def keep(self, *, length: int | None) -> int:
        """Make durable, and record how much it is."""
        del length
        self._close()
        self._size = await self._appends.keep(*self._names, self._hold)

        def work(connection: Connection) -> None:
            rows.record_more(connection, self._upload.id, self._size)
            self._touch(connection)

        await self._stores.database.write(work)
        return self._size

    async def undo(self) -> None:
        """Cut off what this request brought."""
        self._close()
        await self._appends.cut(*self._names, self._hold, size=self._hold.size)
        await self._appends.keep(*self._names, self._hold)
