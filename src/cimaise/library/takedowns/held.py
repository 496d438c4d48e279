"""The bytes of what was taken down: kept where nobody can find them, and given up in the end."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from cimaise import telemetry
from cimaise.database.engine import Database
from cimaise.database.schema import files, takedown_files, takedowns, usage_totals
from cimaise.errors import CimaiseError, NotFound
from cimaise.library.discarded import note_discarded
from cimaise.library.takedowns.content import removed_by
from cimaise.library.takedowns.rows import OPEN, TakedownState, advance, find_takedown
from cimaise.storage.base import ObjectInfo, Storage

_BATCH: Final = 100
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def hold_bytes(database: Database, storage: Storage) -> int:
    """Give held bytes keys that nobody knows; gives how many. Also finishes what a crash left.

    Where the storage is away it is done by the job, and the files answer 451 meanwhile.
    """
    moved = 0
    for row in await database.read(not_moved):
        try:
            info = await _move(storage, row)
        except CimaiseError as fault:
            telemetry.log("takedown_waits", level="warning", file=row.file_id, code=fault.code)
            continue
        await database.write(partial(note_moved, row=row, etag=info.etag))
        moved += 1
    return moved


async def _move(storage: Storage, row: Row[Any]) -> ObjectInfo:
    """Move the bytes; where a process died after doing so, only look."""
    try:
        return await storage.move(row.former_key, row.held_key)
    except NotFound:
        return await storage.stat(row.held_key)


async def end_held(database: Database, now: datetime) -> int:
    """Give up the bytes of take-downs whose hold time is over; gives how many take-downs."""

    def work(connection: Connection) -> int:
        ids = connection.execute(
            select(takedowns.c.id)
            .where(takedowns.c.state.in_(OPEN), takedowns.c.hold_until <= now)
            .limit(_BATCH)
        ).scalars()
        return sum(_end(connection, takedown_id, now) for takedown_id in list(ids))

    ended = 0
    while done := await database.write(work):
        ended += done
    return ended


def _end(connection: Connection, takedown_id: str, now: datetime) -> int:
    takedown = find_takedown(connection, takedown_id)
    advance(connection, takedown, TakedownState.FINAL, by=None, now=now, ended_at=now)
    for row in removed_by(connection, takedown_id):
        if row.storage_key is None:
            continue
        note_discarded(connection, [row.storage_key], not_before=now, reason="taken down")
        connection.execute(
            update(files).where(files.c.id == row.id).values(storage_key=None, storage_etag=None)
        )
        connection.execute(
            update(usage_totals)
            .where(usage_totals.c.account_id == row.owner_id)
            .values(used_bytes=usage_totals.c.used_bytes - row.size)
        )
    return 1


def not_moved(connection: Connection) -> list[Row[Any]]:
    """Files that are taken down and may still lie where they were published from."""
    return list(
        connection.execute(
            select(takedown_files).where(takedown_files.c.is_moved.is_(False)).limit(_BATCH)
        )
    )


def note_moved(connection: Connection, *, row: Row[Any], etag: str) -> None:
    """The bytes are at the held key. Whoever deleted the file meanwhile wanted them gone."""
    connection.execute(
        update(takedown_files)
        .where(takedown_files.c.takedown_id == row.takedown_id)
        .where(takedown_files.c.file_id == row.file_id)
        .values(is_moved=True)
    )
    changed = connection.execute(
        update(files)
        .where(files.c.id == row.file_id, files.c.storage_key == row.former_key)
        .values(storage_key=row.held_key, storage_etag=etag)
    ).rowcount
    if not changed:
        note_discarded(
            connection, [row.held_key], not_before=EPOCH, reason="deleted while taken down"
        )
