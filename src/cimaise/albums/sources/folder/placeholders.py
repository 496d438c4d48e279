"""Pictures of folder albums that have no placeholder yet, and what becomes theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, select, true, tuple_, update

from cimaise.database.schema import folder_pictures

NONE_POSSIBLE: Final = ""
"""What is kept for a picture of which none can be made, so that nobody tries again."""


@dataclass(frozen=True, slots=True)
class BareFile:
    """A picture of the index without a placeholder, as it was when the index looked at it."""

    album: str
    name: str
    mtime_ns: int
    size: int


def find_bare(
    connection: Connection, *, limit: int, after: BareFile | None = None
) -> Sequence[BareFile]:
    """Some of them, the newest first; with ``after`` those behind it."""
    columns = folder_pictures.c
    order = tuple_(columns.mtime_ns, columns.album, columns.name)
    behind = true() if after is None else order < (after.mtime_ns, after.album, after.name)
    statement = (
        select(columns.album, columns.name, columns.mtime_ns, columns.size)
        .where(columns.placeholder.is_(None), columns.width.is_not(None), behind)
        .order_by(columns.mtime_ns.desc(), columns.album.desc(), columns.name.desc())
        .limit(limit)
    )
    return [BareFile(*row) for row in connection.execute(statement)]


def keep_placeholders(connection: Connection, drawn: Mapping[BareFile, str]) -> None:
    """Give them to the pictures that are still those."""
    for picture in sorted(drawn, key=lambda one: (one.album, one.name)):
        same = _is(picture)
        connection.execute(update(folder_pictures).where(*same).values(placeholder=drawn[picture]))


def placeholder_of(connection: Connection, picture: BareFile) -> str | None:
    """What is known of a picture; ``None`` where that is nothing."""
    found: str | None = connection.scalar(
        select(folder_pictures.c.placeholder).where(*_is(picture))
    )
    return found or None


def _is(picture: BareFile) -> tuple[ColumnElement[bool], ...]:
    columns = folder_pictures.c
    return (
        columns.album == picture.album,
        columns.name == picture.name,
        columns.mtime_ns == picture.mtime_ns,
        columns.size == picture.size,
    )
