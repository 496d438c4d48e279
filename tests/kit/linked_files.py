"""Rows of files without bytes, for tests of what points at them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert

from cimaise.database.engine import Database
from cimaise.database.schema import collections, files


async def add_files(
    database: Database, owner_id: str, file_ids: Iterable[str], now: datetime
) -> None:
    """A private collection ``c`` of the owner's with these files."""
    collection = insert(collections).values(
        id="c", name="c", title="c", visibility="private", owner_id=owner_id,
        policy={}, created_at=now, updated_at=now,
    )  # fmt: skip
    rows = [
        insert(files).values(
            id=file_id, collection_id="c", owner_id=owner_id, filename="f", size=1,
            content_type="text/plain", etag=file_id, is_picture=False, created_at=now,
            published_at=now,
        )
        for file_id in file_ids
    ]  # fmt: skip
    await database.write(
        lambda connection: [connection.execute(one) for one in (collection, *rows)]
    )
