"""Take-downs in the database: as values, and each change as one step of a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from cimaise.database.audit import record
from cimaise.database.schema import (
    collections,
    files,
    takedown_files,
    takedown_objections,
    takedowns,
)
from cimaise.errors import NotFound, WrongState
from cimaise.library.tags import file_tag, note_purge


class TakedownState(StrEnum):
    """Where a take-down stands. Only ``restored`` lets the content in again."""

    HELD = "held"  # unseen, the bytes are kept
    COUNTERED = "countered"  # the same, and whoever published it has objected
    RESTORED = "restored"
    FINAL = "final"  # the bytes are gone


OPEN: Final = (TakedownState.HELD, TakedownState.COUNTERED)


@dataclass(frozen=True, slots=True)
class Notice:
    """Why something has to go.

    Attributes:
        reason: In the operator's words; for the record.
        reference: The notice's own number, where it has one.
    """

    reason: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Objection:
    """A counter-notice of somebody whose file it was."""

    account_id: str
    statement: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Takedown:
    """A take-down, which is also its receipt.

    Attributes:
        id: Its own.
        sha256: Of the content, hex.
        size: Of the content, in bytes.
        state: See :class:`TakedownState`.
        reason: Why, in the operator's words.
        reference: The notice's own number, where it has one.
        file_ids: The published files that it removed.
        made_by: The account; ``None`` for the operator at the machine.
        made_at: When.
        hold_until: So long it can be restored.
        objections: The counter-notices, one of an account at most, in the order of their coming.
        ended_at: When it was restored or became final.
    """

    id: str
    sha256: str
    size: int
    state: TakedownState
    reason: str
    reference: str | None
    file_ids: tuple[str, ...]
    made_by: str | None
    made_at: datetime
    hold_until: datetime
    objections: tuple[Objection, ...] = ()
    ended_at: datetime | None = None


def find_takedown(connection: Connection, takedown_id: str) -> Takedown:
    """The take-down; ``NotFound``."""
    row = connection.execute(select(takedowns).where(takedowns.c.id == takedown_id)).first()
    if row is None:
        raise NotFound("There is no such take-down.")
    return takedown_of(connection, row)


def list_takedowns(
    connection: Connection, *, state: TakedownState | None, limit: int
) -> list[Takedown]:
    """The newest ones first."""
    statement = select(takedowns).order_by(takedowns.c.made_at.desc(), takedowns.c.id)
    if state is not None:
        statement = statement.where(takedowns.c.state == state)
    return [takedown_of(connection, row) for row in connection.execute(statement.limit(limit))]


def list_takedowns_of(connection: Connection, account_id: str, *, limit: int) -> list[Takedown]:
    """Those that removed files of an account, the newest first; see :func:`as_seen_by`."""
    mine = takedown_files.c.owner_id == account_id
    ids = select(takedown_files.c.takedown_id).where(mine)
    found = (
        select(takedowns)
        .where(takedowns.c.id.in_(ids))
        .order_by(takedowns.c.made_at.desc(), takedowns.c.id)
        .limit(limit)
    )
    rows = connection.execute(found).all()
    return [as_seen_by(account_id, takedown_of(connection, row), connection) for row in rows]


def as_seen_by(account_id: str, takedown: Takedown, connection: Connection) -> Takedown:
    """What an account is told of it: its own files, and the objection only where it is its own."""
    mine = select(takedown_files.c.file_id).where(
        takedown_files.c.takedown_id == takedown.id, takedown_files.c.owner_id == account_id
    )
    files = set(connection.execute(mine).scalars())
    return replace(
        takedown,
        file_ids=tuple(file_id for file_id in takedown.file_ids if file_id in files),
        objections=tuple(one for one in takedown.objections if one.account_id == account_id),
    )


def takedown_of(connection: Connection, row: Row[Any]) -> Takedown:
    """A row with the files that belong to it."""
    ids = connection.execute(
        select(takedown_files.c.file_id)
        .where(takedown_files.c.takedown_id == row.id)
        .order_by(takedown_files.c.file_id)
    ).scalars()
    same = ("id", "sha256", "size", "reason", "reference", "made_by", "made_at", "hold_until",
            "ended_at")  # fmt: skip
    return Takedown(
        state=TakedownState(row.state),
        file_ids=tuple(ids),
        objections=_objections(connection, row.id),
        **{name: getattr(row, name) for name in same},
    )


def _objections(connection: Connection, takedown_id: str) -> tuple[Objection, ...]:
    columns = takedown_objections.c
    rows = connection.execute(
        select(columns.account_id, columns.statement, columns.made_at)
        .where(columns.takedown_id == takedown_id)
        .order_by(columns.made_at, columns.account_id)
    )
    return tuple(Objection(*row) for row in rows)


def add_objection(connection: Connection, takedown: Takedown, objection: Objection) -> None:
    """The only one of its account; the take-down is countered from the first one on.

    Raises:
        WrongState: The account has objected before, or the take-down has ended.
    """
    advance(
        connection, takedown, TakedownState.COUNTERED, by=objection.account_id,
        now=objection.made_at, why=objection.statement,
    )  # fmt: skip
    made = _objections(connection, takedown.id)
    if any(one.account_id == objection.account_id for one in made):
        raise WrongState("You have objected to it already.")
    connection.execute(
        insert(takedown_objections).values(
            takedown_id=takedown.id,
            account_id=objection.account_id,
            statement=objection.statement,
            made_at=objection.made_at,
        )
    )


def advance(
    connection: Connection, takedown: Takedown, to: TakedownState, *, by: str | None,
    now: datetime, why: str = "", **values: Any,
) -> None:  # fmt: skip
    """One compare-and-set of what is open, and its line in the audit log.

    Raises:
        WrongState: It is not open any more.
    """
    changed = connection.execute(
        update(takedowns)
        .where(takedowns.c.id == takedown.id, takedowns.c.state.in_(OPEN))
        .values(state=to.value, **values)
    ).rowcount
    if not changed:
        raise WrongState("The take-down has ended.")
    record(
        connection, at=now, account_id=by, action=f"takedown.{to}", subject=takedown.id,
        details={"sha256": takedown.sha256, "files": list(takedown.file_ids), "reason": why},
    )  # fmt: skip


def hide(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> None:
    """Make files answer 451 here and at the CDN, and count them no more among pictures."""
    _show(connection, rows, taken_down_at=now, by=-1)
    note_purge(connection, [file_tag(row.id) for row in rows], now=now)


def unhide(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> None:
    """Undo :func:`hide`."""
    _show(connection, rows, taken_down_at=None, by=1)
    note_purge(connection, [file_tag(row.id) for row in rows], now=now)


def _show(
    connection: Connection, rows: Sequence[Row[Any]], *, taken_down_at: datetime | None, by: int
) -> None:
    for row in rows:
        connection.execute(
            update(files).where(files.c.id == row.id).values(taken_down_at=taken_down_at)
        )
        if row.is_picture:
            connection.execute(
                update(collections)
                .where(collections.c.id == row.collection_id)
                .values(picture_count=collections.c.picture_count + by)
            )
