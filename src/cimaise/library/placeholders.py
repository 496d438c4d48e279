"""Published pictures that have no placeholder yet, and what becomes theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, true, tuple_, update

from cimaise.database.schema import files

NONE_POSSIBLE = ""
"""What is kept for a picture of which none can be made, so that nobody tries again."""


@dataclass(frozen=True, slots=True)
class BarePicture:
    """A published picture without a placeholder."""

    id: str
    storage_key: str
    published_at: datetime


def find_bare(
    connection: Connection, *, limit: int, after: BarePicture | None = None
) -> Sequence[BarePicture]:
    """Some of them, the newest first; with ``after`` those behind it."""
    order = tuple_(files.c.published_at, files.c.id)
    behind = true() if after is None else order < (after.published_at, after.id)
    statement = (
        select(files.c.id, files.c.storage_key, files.c.published_at)
        .where(
            files.c.is_picture,
            files.c.placeholder.is_(None),
            files.c.storage_key.is_not(None),
            files.c.deleted_at.is_(None),
            files.c.taken_down_at.is_(None),
            behind,
        )
        .order_by(files.c.published_at.desc(), files.c.id.desc())
        .limit(limit)
    )
    return [BarePicture(*row) for row in connection.execute(statement)]


def keep_placeholder(connection: Connection, picture: BarePicture, text: str) -> bool:
    """Give it to the picture, if its bytes are still those; gives whether they were."""
    same = (files.c.id == picture.id) & (files.c.storage_key == picture.storage_key)
    return bool(connection.execute(update(files).where(same).values(placeholder=text)).rowcount)
