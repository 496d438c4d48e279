"""Published pictures that have no placeholder yet, and what becomes theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from cimaise.database.schema import files

NONE_POSSIBLE = ""
"""What is kept for a picture of which none can be made, so that nobody tries again."""


@dataclass(frozen=True, slots=True)
class BarePicture:
    """A published picture without a placeholder."""

    id: str
    storage_key: str


def find_bare(connection: Connection, *, limit: int) -> Sequence[BarePicture]:
    """Some of them, the newest first."""
    statement = (
        select(files.c.id, files.c.storage_key)
        .where(
            files.c.is_picture,
            files.c.placeholder.is_(None),
            files.c.storage_key.is_not(None),
            files.c.deleted_at.is_(None),
            files.c.taken_down_at.is_(None),
        )
        .order_by(files.c.published_at.desc(), files.c.id.desc())
        .limit(limit)
    )
    return [BarePicture(row.id, row.storage_key) for row in connection.execute(statement)]


def keep_placeholder(connection: Connection, picture: BarePicture, text: str) -> bool:
    """Give it to the picture, if its bytes are still those; gives whether they were."""
    same = (files.c.id == picture.id) & (files.c.storage_key == picture.storage_key)
    return bool(connection.execute(update(files).where(same).values(placeholder=text)).rowcount)
