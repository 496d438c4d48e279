"""Bytes that nothing needs any more: written down first, deleted when nothing can bring them back.

A key is written down in the transaction that gives its bytes up. It is deleted at once where
that is possible, and once more after ``not_before``, when the last signed URL that could write
there again has expired. Only then is it forgotten.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, insert, select

from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import discarded_objects, files
from cimaise.storage.base import Storage
from cimaise.storage.keys import is_valid_key

BATCH: Final = 1000
"""Keys in one request to the storage: the most that S3's DeleteObjects takes."""

LATE: Final = timedelta(hours=12)
"""A storage looks at a URL's time when the request begins. A body that began in time may come to
its end this much later, and whatever it wrote is looked for only then."""

_WRITTEN_DOWN: Final = select(discarded_objects.c.storage_key).where(
    discarded_objects.c.storage_key == bindparam("of_key")
)
_is_kept: Final = exists().where(files.c.storage_key == discarded_objects.c.storage_key)


@dataclass(frozen=True, slots=True)
class Freed:
    """What a step of the clean-up gave back, or would: how many things, and their bytes."""

    count: int = 0
    bytes: int = 0

    def __add__(self, other: "Freed") -> "Freed":
        return Freed(self.count + other.count, self.bytes + other.bytes)


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
    wanted = list(dict.fromkeys(keys))
    known = set(
        connection.execute(
            select(discarded_objects.c.storage_key).where(
                discarded_objects.c.storage_key.in_(wanted)
            )
        ).scalars()
    )
    rows = [
        {
            "storage_key": key,
            "storage_upload_id": storage_upload_id,
            "may_have_parts": may_have_parts,
            "size": size,
            "not_before": not_before,
            "reason": reason,
        }
        for key in wanted
        if key not in known
    ]
    if rows:
        connection.execute(insert(discarded_objects), rows)


def is_discarded(connection: Connection, key: str) -> bool:
    """Whether nothing needs what is at a key, or may be written there, any more."""
    return connection.execute(_WRITTEN_DOWN, {"of_key": key}).first() is not None


async def delete_discarded(
    database: Database, storage: Storage, *, now: datetime, on_freed: OnFreed | None = None
) -> Freed:
    """Delete everything whose time has come, in batches; gives how many keys, and their bytes.

    May be cancelled or killed anywhere: what was not forgotten is deleted again next time. A key
    that a published file has is never deleted, whatever is written down.

    Raises:
        Unavailable: The storage or the database is away; the rest waits for the next time.
    """
    freed = Freed()
    while batch := await database.read(partial(_due, now=now)):
        await _delete(storage, batch)
        await database.write(partial(_forget, batch=batch, now=now))
        done = Freed(len(batch), sum(row.size or 0 for row in batch))
        freed += done
        if on_freed is not None:
            on_freed(done)
    return freed


async def count_discarded(database: Database, *, now: datetime) -> Freed:
    """What :func:`delete_discarded` would delete."""

    def work(connection: Connection) -> Freed:
        counted = select(func.count(), func.sum(discarded_objects.c.size)).where(
            discarded_objects.c.not_before <= now, ~_is_kept
        )
        count, size = connection.execute(counted).one()
        return Freed(count, int(size or 0))

    return await database.read(work)


async def _delete(storage: Storage, batch: Sequence[Row[Any]]) -> None:
    multipart = storage.multipart
    if multipart is not None:
        for row in batch:
            if row.storage_upload_id is not None:
                await multipart.abort(row.storage_key, row.storage_upload_id)
        await abort_unnamed(storage, {row.storage_key for row in batch if row.may_have_parts})
    keys = [row.storage_key for row in batch]
    await storage.delete([key for key in keys if is_valid_key(key)])
    for name in keys:
        if storage.foreign is not None and not is_valid_key(name):  # of an older scheme
            await storage.foreign.drop(name)


async def abort_unnamed(storage: Storage, keys: Collection[str]) -> None:
    """Abort every multipart upload of these keys that the storage knows of."""
    multipart = storage.multipart
    if multipart is None or not keys:
        return
    found = [upload async for upload in multipart.unfinished(keys)]
    for upload in found:
        await multipart.abort(upload.key, upload.upload_id)


def _due(connection: Connection, *, now: datetime) -> Sequence[Row[Any]]:
    return connection.execute(
        select(discarded_objects)
        .where(discarded_objects.c.not_before <= now, ~_is_kept)
        .order_by(discarded_objects.c.not_before)
        .limit(BATCH)
    ).all()


def _forget(connection: Connection, *, batch: Sequence[Row[Any]], now: datetime) -> None:
    keys = [row.storage_key for row in batch]
    connection.execute(delete(discarded_objects).where(discarded_objects.c.storage_key.in_(keys)))
    record(
        connection, at=now, account_id=None, action="cleanup.deleted", subject="discarded-objects",
        details={
            "objects": len(batch),
            "bytes": sum(row.size or 0 for row in batch),
            "reasons": dict(Counter(row.reason for row in batch)),
        },
    )  # fmt: skip
