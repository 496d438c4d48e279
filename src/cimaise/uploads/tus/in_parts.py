"""A sink for storages that only know parts of one size, such as buckets.

Whole parts are written as they fill. What does not fill a part is held in memory, and kept as an
object of its own (the *tail*) when the request ends or nothing comes; whoever goes on reads it
back. Parts are recorded with their ETags: one that a stopped process overwrites later than that
is found out when they are joined.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection

from cimaise.errors import Limit, NotFound, TooLarge, WrongState
from cimaise.library.discarded import note_discarded
from cimaise.storage.base import PartInfo
from cimaise.storage.keys import incoming_key
from cimaise.uploads.gate import UNDECLARED
from cimaise.uploads.plan import MAX_PARTS
from cimaise.uploads.tus import rows
from cimaise.uploads.tus.rows import TusUpload
from cimaise.uploads.tus.stores import Stores

_MARGIN: Final = timedelta(days=1)
"""How much longer than an upload its tail is left alone."""


class PartsSink:
    """See :class:`cimaise.uploads.tus.sinks.Sink`. Holds at most one part in memory."""

    def __init__(self, stores: Stores, upload: TusUpload, *, on_trial: bool) -> None:
        assert upload.session.part_size is not None
        self._stores = stores
        self._upload = upload
        self._part_size = upload.session.part_size
        self._on_trial = on_trial
        self._whole = 0  # parts
        self._unrecorded: list[PartInfo] = []
        self._pieces: list[bytes] = []
        self._held = 0
        self._is_loaded = False
        self._has_news = False
        self._tail_key: str | None = None

    async def start(self) -> int:
        """Take the upload over. Its tail is read when it is needed."""
        self._upload = await self._stores.database.write(
            lambda connection: rows.claim(connection, self._upload.id)
        )
        kept, tail = self._upload.kept_bytes, self._upload.tail_bytes
        self._whole = -(-(kept - tail) // self._part_size)
        return kept

    async def add(self, pieces: list[bytes]) -> None:
        """Hold the bytes, and write every part that they fill."""
        await self._load()
        self._has_news = True
        for piece in pieces:
            rest = piece
            while self._held + len(rest) >= self._part_size:
                room = self._part_size - self._held
                self._pieces.append(rest[:room])
                self._held += room
                rest = rest[room:]
                await self._write_part()
            if rest:
                self._pieces.append(rest)
                self._held += len(rest)

    async def rest(self) -> None:
        """Keep the tail, unless it is on trial."""
        if self._has_news and not self._on_trial:
            await self._write_tail()

    async def keep(self, *, length: int | None) -> int:
        """Write what is held: as the last part where it is that, otherwise as the tail."""
        tail_bytes = self._upload.tail_bytes if not self._is_loaded else self._held
        if tail_bytes and self._whole * self._part_size + tail_bytes == length:
            await self._load()
            await self._write_part()
        if self._has_news:
            await self._write_tail()
        await self._drop_old_tail()
        return self._upload.kept_bytes

    async def undo(self) -> None:
        """Back to the parts and the tail that were there; none of them has been touched."""
        before = self._before
        brought = range(self._whole_before + 1, self._whole + 1)

        def work(connection: Connection) -> None:
            rows.drop_parts(connection, self._upload.id, list(brought))
            rows.record(connection, self._upload, **before)

        if self._upload_changed or brought:
            await self._stores.database.write(work)
