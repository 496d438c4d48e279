"""Bytes that nothing needs any more: written down first, deleted when nothing can bring them back.

A key is written down in the transaction that gives its bytes up. It is deleted at once where
that is possible, and once more after ``not_before``, when the last signed URL that could write
there again has expired. Only then is it forgotten. What the storage refuses to delete stays written
down, since when is noted, and every run tries it again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    delete,
    exists,
    func,
    select,
    tuple_,
    update,
)

from cimaise import telemetry
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import discarded_objects, files
from cimaise.database.upsert import upsert
from cimaise.library.erasing import Erased, erase
from cimaise.storage.base import Storage

BATCH: Final = 1000
"""Keys in one request to the storage: the most that S3's DeleteObjects takes."""

LATE: Final = timedelta(hours=12)
"""A storage looks at a URL's time when the request begins. A body that began in time may come to
its end this much later, and whatever it wrote is looked for only then."""

_WRITE_DOWN: Final = upsert(discarded_objects, ("storage_key",))
_WRITTEN_DOWN: Final = select(discarded_objects.c.storage_key).where(
    discarded_objects.c.storage_key == bindparam("of_key")
)
_is_kept: Final = exists().where(files.c.storage_key == discarded_objects.c.storage_key)


@dataclass(frozen=True, slots=True)
class Freed:
    """What a step of the clean-up gave back, or would.

    Attributes:
        count: How many things.
        bytes: Of them.
        refused: How many more the storage did not let go; of what would be freed, how many of
            ``count`` it did not let go before.
    """

    count: int = 0
    bytes: int = 0
    refused: int = 0

    def __add__(self, other: "Freed") -> "Freed":
        return Freed(
            self.count + other.count, self.bytes + other.bytes, self.refused + other.refused
        )


OnFreed = Callable[[Freed], None]
"""Told of every batch, as it is done."""


def note_discarded(
    connection: Connection,
    keys: Iterable[str],
    *,
    not_before: datetime,
    reason: str,
    storage_upload_id: str | None = None,
    may_have_parts: bool = False,
    size: int | None = None,
) -> None:
    """Write keys down; those that are written down already stay as they are.

    Args:
        connection: Of the transaction that gives the bytes up.
        keys: Where they are.
        not_before: When no signed URL can bring them back any more.
        reason: For whoever reads the table.
        storage_upload_id: A multipart upload of these keys that is to be aborted as well.
        may_have_parts: Whether one may have been begun there that nobody could write down.
        size: Bytes that deleting each of them frees, where that is known.
    """
    rows = [
        {
            "storage_key": key,
            "storage_upload_id": storage_upload_id,
            "may_have_parts": may_have_parts,
            "size": size,
            "not_before": not_before,
            "reason": reason,
        }
        for key in sorted(set(keys))
    ]
    if rows:
        connection.execute(_WRITE_DOWN, rows)


def is_discarded(connection: Connection, key: str) -> bool:
    """Whether nothing needs what is at a key, or may be written there, any more."""
    return connection.execute(_WRITTEN_DOWN, {"of_key": key}).first() is not None


async def delete_discarded(
    database: Database, storage: Storage, *, now: datetime, on_freed: OnFreed | None = None
) -> Freed:
    """Delete everything whose time has come, in batches; gives how many keys, and their bytes.

    May be cancelled or killed anywhere: what was not forgotten is deleted again next time. A key
    that a published file has is never deleted, whatever is written down. What the storage does
    not let go holds up nothing else.

    Raises:
        Unavailable: The storage or the database is away, or the storage lets nothing go; the rest
            waits for the next time.
    """
    freed = Freed()
    for was_refused in (False, True):
        after: Row[Any] | None = None
        while batch := await database.read(
            partial(_due, now=now, was_refused=was_refused, after=after)
        ):
            after = batch[-1]
            erased = await erase(storage, batch)
            await database.write(partial(_note, erased=erased, now=now))
            if erased.fault is not None and erased.untried and not was_refused:
                raise erased.fault
            left = len(erased.refused) + len(erased.untried)
            done = Freed(len(erased.gone), _bytes_of(erased.gone), left)
            freed += done
            if on_freed is not None:
                on_freed(done)
    if freed.refused:
        telemetry.log("deletes_refused", level="warning", objects=freed.refused)
    return freed


async def count_discarded(database: Database, *, now: datetime) -> Freed:
    """What :func:`delete_discarded` would delete."""

    def work(connection: Connection) -> Freed:
        counted = select(
            func.count(),
            func.sum(discarded_objects.c.size),
            func.count(discarded_objects.c.refused_at),
        ).where(discarded_objects.c.not_before <= now, ~_is_kept)
        count, size, refused = connection.execute(counted).one()
        return Freed(count, int(size or 0), refused)

    return await database.read(work)


_ORDER: Final = (discarded_objects.c.not_before, discarded_objects.c.storage_key)


def _due(
    connection: Connection, *, now: datetime, was_refused: bool, after: Row[Any] | None
) -> Sequence[Row[Any]]:
    refused_at = discarded_objects.c.refused_at
    wanted = select(discarded_objects).where(
        discarded_objects.c.not_before <= now,
        ~_is_kept,
        # What is refused in this very run is not tried twice.
        refused_at < now if was_refused else refused_at.is_(None),
    )
    if after is not None:
        wanted = wanted.where(tuple_(*_ORDER) > (after.not_before, after.storage_key))
    return connection.execute(wanted.order_by(*_ORDER).limit(BATCH)).all()


def _note(connection: Connection, *, erased: Erased, now: datetime) -> None:
    """Forget what is gone; of what was refused for the first time, write that down."""
    if erased.gone:
        _forget(connection, erased.gone, now=now)
    newly = [row for row in erased.refused if row.refused_at is None]
    if newly:
        mine = discarded_objects.c.storage_key.in_([row.storage_key for row in newly])
        connection.execute(update(discarded_objects).where(mine).values(refused_at=now))
        record(
            connection, at=now, account_id=None, action="cleanup.refused",
            subject="discarded-objects",
            details=_details(newly) | {"message": erased.fault.message if erased.fault else ""},
        )  # fmt: skip


def _forget(connection: Connection, rows: Sequence[Row[Any]], *, now: datetime) -> None:
    keys = [row.storage_key for row in rows]
    connection.execute(delete(discarded_objects).where(discarded_objects.c.storage_key.in_(keys)))
    record(
        connection, at=now, account_id=None, action="cleanup.deleted",
        subject="discarded-objects", details=_details(rows),
    )  # fmt: skip


def _details(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    reasons = dict(Counter(row.reason for row in rows))
    return {"objects": len(rows), "bytes": _bytes_of(rows), "reasons": reasons}


def _bytes_of(rows: Sequence[Row[Any]]) -> int:
    return sum(row.size or 0 for row in rows)
