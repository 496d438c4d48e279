"""What went out, counted in memory and written down in batches.

A transfer costs a few additions. Every process writes its sums by itself some seconds after the
first of them, and when it stops; a process that is killed loses those seconds, and nobody's file
or right depends on them.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, update

from cimaise import telemetry
from cimaise.database.engine import Database
from cimaise.database.rights import KEEPS_RIGHTS
from cimaise.database.schema import delivered_days, files
from cimaise.database.upsert import upsert
from cimaise.delivery.visitors import Visitor
from cimaise.errors import CimaiseError

_ADD: Final = upsert(delivered_days, ("day", "kind", "subject"), add=("requests", "bytes"))
_DOWNLOADED: Final = (
    update(files)
    .where(files.c.id == bindparam("file"))
    .values(download_count=files.c.download_count + bindparam("downloads"))
    .execution_options(**KEEPS_RIGHTS)
)
FLUSH_S: Final = 10.0
_MANY_SUMS: Final = 20_000  # then at once: a few MB
_MOST_SUMS: Final = 5 * _MANY_SUMS  # while the database is away; what is new then is not counted

Key = tuple[str, str, str]  # day, kind, subject
Sums = Mapping[Key, tuple[int, int]]  # requests, bytes
Downloads = Mapping[str, int]  # by id of the file


class Kind(StrEnum):
    """What sums are kept of."""

    FILE = "file"  # by its id
    OWNER = "owner"  # whose file it was
    READER = "reader"  # who fetched it; empty for guests
    VISITOR = "visitor"  # see Visitor


_FEW: Final = frozenset({Kind.OWNER, Kind.VISITOR})  # of these there are few: they are counted on


@dataclass(frozen=True, slots=True)
class Transfer:
    """One that has ended, whole or not.

    Attributes:
        bytes: Of the body, that left.
        visitor: What kind of program fetched it.
        file_id: ``None`` for what is no published file.
        owner_id: Of the file.
        reader_id: Who fetched it; empty for a guest.
    """

    bytes: int
    visitor: Visitor
    file_id: str | None = None
    owner_id: str | None = None
    reader_id: str = ""


class Tally:
    """Sums of one process; used from one event loop."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._sums: dict[Key, list[int]] = {}
        self._downloads: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._full = asyncio.Event()
        self._is_failing = False

    def add(self, transfer: Transfer) -> None:
        """Count a transfer. Never fails, never waits."""
        day = self._clock().date().isoformat()
        self._add((day, Kind.VISITOR, transfer.visitor), transfer.bytes)
        self._add((day, Kind.READER, transfer.reader_id), transfer.bytes)
        if transfer.file_id is not None:
            self._add((day, Kind.FILE, transfer.file_id), transfer.bytes)
        if transfer.owner_id is not None:
            self._add((day, Kind.OWNER, transfer.owner_id), transfer.bytes)
        self._write_soon()

    def count_download(self, file_id: str) -> None:
        """Count a transfer from a file's first byte on, beside :meth:`add`. Never fails or waits."""
        self._add_downloads(file_id, 1)
        self._write_soon()

    def _write_soon(self) -> None:
        if len(self._sums) >= _MANY_SUMS and not self._is_failing:
            self._full.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush_soon())

    def _add_downloads(self, file_id: str, count: int) -> None:
        before = self._downloads.get(file_id, 0)
        if before or len(self._downloads) < _MOST_SUMS:
            self._downloads[file_id] = before + count

    def _add(self, key: Key, count: int, requests: int = 1) -> None:
        sums = self._sums.get(key)
        if sums is not None:
            sums[0] += requests
            sums[1] += count
        elif len(self._sums) < _MOST_SUMS or key[1] in _FEW:
            self._sums[key] = [requests, count]

    async def flush(self) -> None:
        """Write down what was counted. What cannot be written now is kept for the next time."""
        taken, self._sums = self._sums, {}
        downloads, self._downloads = self._downloads, {}
        if not (taken or downloads):
            return
        sums = {key: (requests, count) for key, (requests, count) in taken.items()}
        try:
            await self._database.write(lambda connection: _write(connection, sums, downloads))
        except CimaiseError as fault:
            self._is_failing = True
            telemetry.log("tally_failed", level="warning", message=fault.message)
            for key, (requests, count) in sums.items():
                self._add(key, count, requests)
            for file_id, count in downloads.items():
                self._add_downloads(file_id, count)
        else:
            self._is_failing = False

    async def close(self) -> None:
        """Write down the last, before the database is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def _flush_soon(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._full.wait(), FLUSH_S)
        self._full.clear()
        await asyncio.shield(self.flush())


def _write(connection: Connection, sums: Sums, downloads: Downloads) -> None:
    rows = [
        {"day": day, "kind": kind, "subject": subject, "requests": requests, "bytes": count}
        for (day, kind, subject), (requests, count) in sorted(
            sums.items()
        )  # one order: no deadlock
    ]
    if rows:
        connection.execute(_ADD, rows)
    counts = [{"file": file_id, "downloads": count} for file_id, count in sorted(downloads.items())]
    if counts:
        connection.execute(_DOWNLOADED, counts)
