"""What the table of uploads says of days and accounts: how many, how well, how long, how much.

An upload counts for the day (UTC) that it began on. Read from one index alone, so a million rows
are added up without looking at a single row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select

from cimaise.access.policy import Principal, require_admin
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, uploads
from cimaise.errors import Invalid, NotFound
from cimaise.uploads.session import State

MAX_DAYS: Final = 366
MAX_LIMIT: Final = 1000
_DEFAULT_DAYS: Final = 30
_DONE: Final = (State.UPLOADED.value, State.PUBLISHED.value)
_DAY_S: Final = 86_400
_BEFORE_ALL: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Tally:
    """Uploads that began in some days.

    Attributes:
        begun: All of them.
        completed: Verified, whether published or not.
        aborted: Given up by their clients.
        expired: Not complete in time.
        rejected: Refused for what they were.
        bytes: Of those that are complete.
        mean_duration_s: From the beginning to the verdict, of those that are complete.
    """

    begun: int = 0
    completed: int = 0
    aborted: int = 0
    expired: int = 0
    rejected: int = 0
    bytes: int = 0
    mean_duration_s: float | None = None

    @property
    def success_rate(self) -> float | None:
        """Completed of all that have come to an end, 0 to 1; ``None`` where none has."""
        ended = self.completed + self.aborted + self.expired + self.rejected
        return self.completed / ended if ended else None


@dataclass(frozen=True, slots=True)
class AccountDay:
    """What an account began on a day."""

    day: str
    account_id: str
    account: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Statistics:
    """Some days, first and last included.

    Attributes:
        first: ISO date.
        last: ISO date.
        total: Of all days and accounts together.
        days: Tallies by day, newest first; days without uploads are left out.
        rows: By day and account, newest day first: a page of them.
        next_cursor: Where the next page begins; ``None`` at the end.
    """

    first: str
    last: str
    total: Tally
    days: tuple[tuple[str, Tally], ...]
    rows: tuple[AccountDay, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """Which days (ISO dates, ``None`` for the last thirty), whose, and which page of the rows."""

    first: str | None = None
    last: str | None = None
    account: str | None = None
    cursor: str | None = None
    limit: int = 100


class UploadStatistics:
    """For administrators and the operator."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def ask(self, principal: Principal, question: Question) -> Statistics:
        """Add up.

        Raises:
            NotSignedIn, Forbidden: Not an administrator.
            Invalid: A day is none, the last is before the first, or they are too many.
            NotFound: There is no such account.
        """
        require_admin(principal)
        return await self.tell(question)

    async def tell(self, question: Question) -> Statistics:
        """The same for whoever has the machine."""
        first, last = _span(question, self._clock().astimezone(UTC).date())
        if not 1 <= question.limit <= MAX_LIMIT:
            raise Invalid(f"limit is 1 to {MAX_LIMIT}.", field="limit")
        return await self._database.read(
            partial(_added_up, question=question, first=first, last=last)
        )


def _span(question: Question, today: date) -> tuple[str, str]:
    last = _day(question.last, "to") or today
    first = _day(question.first, "from") or last - timedelta(days=_DEFAULT_DAYS - 1)
    if last < first:
        raise Invalid("The last day is before the first.", field="to")
    if (last - first).days >= MAX_DAYS:
        raise Invalid(f"At most {MAX_DAYS} days.", field="from")
    return first.isoformat(), last.isoformat()


def _day(text: str | None, field: str) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = _BEFORE_ALL
    if day <= _BEFORE_ALL:
        raise Invalid(f"{field} is a day such as 2026-03-09.", field=field)
    return day


def _added_up(connection: Connection, *, question: Question, first: str, last: str) -> Statistics:
    within = [uploads.c.reserved_on >= first, uploads.c.reserved_on <= last]
    if question.account is not None:
        within.append(uploads.c.account_id == _account_id(connection, question.account))
    sums = _sums(connection.dialect.name)
    day = uploads.c.reserved_on
    by_day = connection.execute(
        select(day, *sums).where(*within).group_by(day).order_by(day.desc())
    ).all()
    days = tuple((row.reserved_on, _tally(row)) for row in by_day)
    rows = _rows(connection, within, sums, question)
    page = rows[: question.limit]
    more = len(rows) > question.limit
    return Statistics(
        first, last, _whole(by_day), days, tuple(page),
        f"{page[-1].day}:{page[-1].account_id}" if more else None,
    )  # fmt: skip


def _account_id(connection: Connection, name: str) -> str:
    found = connection.execute(select(accounts.c.id).where(accounts.c.name == name)).scalar()
    if found is None:
        raise NotFound("There is no such account.")
    return str(found)


def _rows(
    connection: Connection,
    within: list[ColumnElement[bool]],
    sums: list[ColumnElement[Any]],
    question: Question,
) -> list[AccountDay]:
    day, account = uploads.c.reserved_on, uploads.c.account_id
    where = list(within)
    if question.cursor is not None:
        after_day, _, after_account = question.cursor.partition(":")
        where.append(or_(day < after_day, and_(day == after_day, account > after_account)))
    page = (
        select(day, account, *sums)
        .where(*where)
        .group_by(day, account)
        .order_by(day.desc(), account)
        .limit(question.limit + 1)
        .subquery()
    )
    found = connection.execute(
        select(page, accounts.c.name)
        .join(accounts, accounts.c.id == page.c.account_id)
        .order_by(page.c.reserved_on.desc(), page.c.account_id)
    )
    return [AccountDay(row.reserved_on, row.account_id, row.name, _tally(row)) for row in found]


def _sums(dialect: str) -> list[ColumnElement[Any]]:
    state = uploads.c.state
    is_done = state.in_(_DONE)
    if dialect == "sqlite":
        days = func.julianday(uploads.c.completed_at) - func.julianday(uploads.c.created_at)
        seconds = days * _DAY_S
    else:
        seconds = func.extract("epoch", uploads.c.completed_at - uploads.c.created_at)
    return [
        func.count().label("begun"),
        _counted(is_done).label("completed"),
        *(
            _counted(state == one.value).label(one.value)
            for one in (State.ABORTED, State.EXPIRED, State.REJECTED)
        ),
        func.sum(case((is_done, uploads.c.size), else_=0)).label("bytes"),
        func.sum(case((is_done, seconds), else_=0.0)).label("seconds"),
    ]


def _counted(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))


def _tally(row: Row[Any]) -> Tally:
    completed = int(row.completed or 0)
    return Tally(
        begun=int(row.begun),
        completed=completed,
        aborted=int(row.aborted or 0),
        expired=int(row.expired or 0),
        rejected=int(row.rejected or 0),
        bytes=int(row.bytes or 0),
        mean_duration_s=round(float(row.seconds) / completed, 3) if completed else None,
    )


def _whole(rows: list[Row[Any]] | Any) -> Tally:
    """All days together."""
    completed = sum(int(row.completed or 0) for row in rows)
    seconds = sum(float(row.seconds or 0) for row in rows)
    return Tally(
        begun=sum(int(row.begun) for row in rows),
        completed=completed,
        aborted=sum(int(row.aborted or 0) for row in rows),
        expired=sum(int(row.expired or 0) for row in rows),
        rejected=sum(int(row.rejected or 0) for row in rows),
        bytes=sum(int(row.bytes or 0) for row in rows),
        mean_duration_s=round(seconds / completed, 3) if completed else None,
    )


def statistics_json(told: Statistics) -> dict[str, Any]:
    """As the HTTP interface and the command line print it."""
    return {
        "from": told.first,
        "to": told.last,
        "total": _tally_json(told.total),
        "days": [{"day": day, **_tally_json(tally)} for day, tally in told.days],
        "rows": [
            {"day": row.day, "account": row.account, "account_id": row.account_id}
            | _tally_json(row.tally)
            for row in told.rows
        ],
        "next_cursor": told.next_cursor,
    }


def _tally_json(tally: Tally) -> dict[str, Any]:
    return {
        "begun": tally.begun,
        "completed": tally.completed,
        "aborted": tally.aborted,
        "expired": tally.expired,
        "rejected": tally.rejected,
        "success_rate": None if tally.success_rate is None else round(tally.success_rate, 4),
        "mean_duration_s": tally.mean_duration_s,
        "bytes": tally.bytes,
    }
