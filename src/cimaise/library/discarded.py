"""Bytes that nothing needs any more: written down first, deleted when nothing can bring them back.

A key is written down in the transaction that gives its bytes up. It is deleted at once where
that is possible, and once more after ``not_before``, when the last signed URL that could write
there again has expired. Only then is it forgotten.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from cimaise.database.engine import Database
from cimaise.database.schema import discarded_objects
from cimaise.storage.base import Storage

BATCH: Final = 1000
"""Keys in one request to the storage: the most that S3's DeleteObjects takes."""

_Row = tuple[str, str | None]


def note_discarded(
    connection: Connection,
    keys: Iterable[str],
    *,
    not_before: datetime,
    reason: str,
    storage_upload_id: str | None = None,
) -> None:
    """Write keys down; those that are written down already stay as they are.

    Args:
        connection: Of the transaction that gives the bytes up.
        keys: Where they are.
        not_before: When no signed URL can bring them back any more.
        reason: For whoever reads the table.
        storage_upload_id: A multipart upload that is to be aborted as well.
    """
    for key in keys:
        known = select(discarded_objects.c.storage_key).where(
            discarded_objects.c.storage_key == key
        )
        if connection.execute(known).first() is None:
            connection.execute(
                insert(discarded_objects).values(
                    storage_key=key,
                    storage_upload_id=storage_upload_id,
                    not_before=not_before,
                    reason=reason,
                )
            )


async def delete_discarded(database: Database, storage: Storage, *, now: datetime) -> int:
    """Delete everything whose time has come, in batches; gives how many keys.

    May be cancelled or killed anywhere: what was not forgotten is deleted again next time.

    Raises:
        Unavailable: The storage or the database is away; the rest waits for the next time.
    """
    deleted = 0
    while batch := await database.read(lambda connection: _due(connection, now)):
        await _delete(storage, batch)
        keys = [key for key, _ in batch]
        await database.write(partial(_forget, keys=keys))
        deleted += len(batch)
    return deleted


async def _delete(storage: Storage, batch: Sequence[_Row]) -> None:
    for key, upload_id in batch:
        if upload_id is not None and storage.multipart is not None:
            await storage.multipart.abort(key, upload_id)
    await storage.delete([key for key, _ in batch])


def _due(connection: Connection, now: datetime) -> list[_Row]:
    rows = connection.execute(
        select(discarded_objects.c.storage_key, discarded_objects.c.storage_upload_id)
        .where(discarded_objects.c.not_before <= now)
        .order_by(discarded_objects.c.not_before)
        .limit(BATCH)
    )
    return [(row.storage_key, row.storage_upload_id) for row in rows]


def _forget(connection: Connection, *, keys: Sequence[str]) -> None:
    connection.execute(delete(discarded_objects).where(discarded_objects.c.storage_key.in_(keys)))
