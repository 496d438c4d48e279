"""How many pictures each collection shows, made again from its files."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from cimaise.database.schema import collections, files
from cimaise.uploads.fsck.findings import Finding, Kind


def wrong_counts(connection: Connection) -> list[Finding]:
    """Collections that say another number of pictures than they show."""
    shown = _shown()
    statement = select(collections.c.id, collections.c.picture_count, shown.label("shown"))
    return [
        Finding(Kind.WRONG_COUNT, row.id, f"{row.picture_count} pictures instead of {row.shown}")
        for row in connection.execute(statement.where(collections.c.picture_count != shown))
    ]


def mend_count(connection: Connection, collection_id: str) -> None:
    """Set it as the files are now. The row is locked first: whoever publishes there waits."""
    at = collections.c.id == collection_id
    connection.execute(select(collections.c.id).where(at).with_for_update())
    connection.execute(update(collections).where(at).values(picture_count=_shown()))


def _shown() -> ColumnElement[Any]:
    return (
        select(func.count())
        .select_from(files)
        .where(
            files.c.collection_id == collections.c.id,
            files.c.is_picture,
            files.c.deleted_at.is_(None),
            files.c.taken_down_at.is_(None),
        )
        .correlate(collections)
        .scalar_subquery()
    )
