"""What is shown of a collection, to whom and in which order, as expressions of SQL."""

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, true

from cimaise.access import policy as rights
from cimaise.access.policy import CollectionFacts, Principal, Visibility
from cimaise.database.schema import files

BEHIND: Final = 2**31 - 1
"""The place of a picture that has none."""


def is_shown() -> ColumnElement[bool]:
    """A published picture that can be looked at; neither deleted nor taken down."""
    return and_(
        files.c.is_picture,
        files.c.deleted_at.is_(None),
        files.c.taken_down_at.is_(None),
        files.c.width > 0,
        files.c.height > 0,
    )


def is_listed(principal: Principal) -> ColumnElement[bool]:
    """A file with a visibility of its own is listed to others only where that is public."""
    return or_(
        files.c.visibility.is_(None),
        files.c.visibility == Visibility.PUBLIC,
        files.c.owner_id == principal.account_id,
    )


def listed_to(principal: Principal, facts: CollectionFacts) -> ColumnElement[bool]:
    """Files of a collection that are listed: all to whoever manages it."""
    return true() if rights.may_manage(principal, facts) else is_listed(principal)


def sort_keys(
    sort: str | None, dialect: str
) -> tuple[ColumnElement[Any] | None, ColumnElement[Any]]:
    """What comes first, where that is not the name, and the name.

    ``sort`` is ``name``, ``placed``, ``taken``, or the date of publication for anything else.
    """
    # PostgreSQL would order names by the database's language, SQLite does by code point.
    name = files.c.filename.collate("C") if dialect == "postgresql" else files.c.filename
    if sort == "name":
        return None, name
    if sort == "placed":
        return func.coalesce(files.c.place, BEHIND), name
    if sort == "taken":
        return func.coalesce(files.c.taken_at, files.c.published_at), name
    return files.c.published_at, name


def in_order(sort: str | None, dialect: str, *, descending: bool) -> list[ColumnElement[Any]]:
    """What to order by; the name is the second key, always ascending, and the id the last."""
    first, name = sort_keys(sort, dialect)
    if first is None:
        return [name.desc() if descending else name, files.c.id]
    return [first.desc() if descending else first, name, files.c.id]
