"""Bytes of a file that nobody will see again: to the clean-up, and their quota back."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from cimaise.database.schema import files, usage_totals
from cimaise.library.discarded import note_discarded


def give_up(connection: Connection, file_id: str, storage_key: str, *, now: datetime) -> bool:
    """A step of a transaction; False where its bytes were given up already."""
    mine = (files.c.id == file_id, files.c.storage_key == storage_key)
    row = connection.execute(select(files.c.owner_id, files.c.size).where(*mine)).first()
    freed = update(files).where(*mine).values(storage_key=None, storage_etag=None)
    if row is None or not connection.execute(freed).rowcount:
        return False
    note_discarded(connection, [storage_key], not_before=now, reason="file deleted", size=row.size)
    connection.execute(
        update(usage_totals)
        .where(usage_totals.c.account_id == row.owner_id)
        .values(used_bytes=usage_totals.c.used_bytes - row.size)
    )
    return True


def give_up_deleted_of(connection: Connection, collection_id: str, *, now: datetime) -> None:
    """A step of the transaction that deletes a collection: nothing of it can come back."""
    kept = select(files.c.id, files.c.storage_key).where(
        files.c.collection_id == collection_id, files.c.storage_key.is_not(None)
    )
    for row in connection.execute(kept).all():
        give_up(connection, row.id, row.storage_key, now=now)
