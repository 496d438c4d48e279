"""The bytes of what was taken down: kept where nobody can find them, and given up in the end."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, select, tuple_, update

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
    moved, after = 0, None
    while page := await database.read(partial(not_moved, after=after)):
        after = (page[-1].takedown_id, page[-1].file_id)
        for row in page:
            moved += await _hold(database, storage, row)
    return moved


async def _hold(database: Database, storage: Storage, row: Row[Any]) -> bool:
    """Move the bytes of one file; False where that has to wait, or there are none."""
    try:
        info = await _move(storage, row)
    except NotFound as fault:
        if await database.write(partial(note_given_up, row=row)):
            return False
        telemetry.log("takedown_waits", level="warning", file=row.file_id, code=fault.code)
        return False
    except CimaiseError as fault:
        telemetry.log("takedown_waits", level="warning", file=row.file_id, code=fault.code)
        return False
    await database.write(partial(note_moved, row=row, etag=info.etag))
    return True


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


def not_moved(connection: Connection, *, after: tuple[str, str] | None) -> list[Row[Any]]:
    """Files that are taken down and may still lie where they were published from.

    Some of them, in the order of take-down and file; with ``after`` those behind these two.
    """
    order = takedown_files.c.takedown_id, takedown_files.c.file_id
    statement = select(takedown_files).where(takedown_files.c.is_moved.is_(False))
    if after is not None:
        statement = statement.where(tuple_(*order) > after)
    return list(connection.execute(statement.order_by(*order).limit(_BATCH)))


def note_given_up(connection: Connection, *, row: Row[Any]) -> bool:
    """The bytes are nowhere: nothing waits where their file was deleted. False: it was not."""
    has_bytes = exists().where(files.c.id == row.file_id, files.c.storage_key == row.former_key)
    if connection.execute(select(has_bytes)).scalar():
        return False
    _end_waiting(connection, row)
    return True


def _end_waiting(connection: Connection, row: Row[Any]) -> None:
    connection.execute(
        update(takedown_files)
        .where(takedown_files.c.takedown_id == row.takedown_id)
        .where(takedown_files.c.file_id == row.file_id)
        .values(is_moved=True)
    )


def note_moved(connection: Connection, *, row: Row[Any], etag: str) -> None:
    """The bytes are at the held key. Whoever deleted the file meanwhile wanted them gone."""
    _end_waiting(connection, row)
    changed = connection.execute(
        update(files)
        .where(files.c.id == row.file_id, files.c.storage_key == row.former_key)
        .values(storage_key=row.held_key, storage_etag=etag)
    ).rowcount
    if not changed:
        note_discarded(
            connection, [row.held_key], not_before=EPOCH, reason="deleted while taken down"
        )
