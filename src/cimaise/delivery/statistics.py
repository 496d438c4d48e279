"""What was delivered, for those who run the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select

from cimaise.access.policy import Principal, require_admin
from cimaise.database.engine import Database
from cimaise.database.schema import delivered_days, files
from cimaise.delivery.tally import Kind
from cimaise.errors import Invalid

MAX_DAYS: Final = 366
KEPT: Final = timedelta(days=400)
_MOST: Final = 50

_C: Final = delivered_days.c
_REQUESTS: Final = func.sum(_C.requests).label("requests")
_BYTES: Final = func.sum(_C.bytes).label("bytes")


@dataclass(frozen=True, slots=True)
class Sum:
    """Transfers and bytes of one subject.

    Attributes:
        subject: Id of a file or account (empty: guests), or a kind of visitor.
        requests: Transfers.
        bytes: Of their bodies.
        day: ISO date, where the sum is of one day.
        filename: Of a file that is still there.
    """

    subject: str
    requests: int
    bytes: int
    day: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """Some days of delivery.

    Attributes:
        files: The most fetched, by requests.
        owners: Bytes by the account whose files they were, and day.
        readers: Bytes by the account that fetched them, and day.
        visitors: By kind of program, over all days.
    """

    files: Sequence[Sum]
    owners: Sequence[Sum]
    readers: Sequence[Sum]
    visitors: Sequence[Sum]

    @property
    def crawlers_share(self) -> float:
        """Which part of all transfers went to programs rather than to people, 0 to 1."""
        total = sum(one.requests for one in self.visitors)
        programs = sum(
            one.requests for one in self.visitors if one.subject in ("crawler", "script")
        )
        return programs / total if total else 0.0


async def delivered(
    database: Database, principal: Principal, *, days: int, now: datetime
) -> Delivered:
    """The last days, today included.

    Raises:
        NotSignedIn, Forbidden: The principal is no admin.
        Invalid: ``days`` is out of bounds.
    """
    require_admin(principal)
    if not 1 <= days <= MAX_DAYS:
        raise Invalid(f"days is 1 to {MAX_DAYS}.", field="days")
    since = (now.date() - timedelta(days=days - 1)).isoformat()
    return await database.read(lambda connection: _delivered(connection, since))


async def forget_old_days(database: Database, now: datetime) -> int:
    """Delete sums older than :data:`KEPT`; gives how many."""
    oldest: date = (now - KEPT).date()
    statement = delete(delivered_days).where(_C.day < oldest.isoformat())
    return await database.write(lambda connection: connection.execute(statement).rowcount)


def _delivered(connection: Connection, since: str) -> Delivered:
    return Delivered(
        files=_files(connection, since),
        owners=_by_day(connection, since, Kind.OWNER),
        readers=_by_day(connection, since, Kind.READER),
        visitors=_visitors(connection, since),
    )


def _of(kind: Kind, since: str) -> tuple[Any, Any]:
    return _C.kind == kind, _C.day >= since


def _files(connection: Connection, since: str) -> list[Sum]:
    rows = connection.execute(
        select(_C.subject, _REQUESTS, _BYTES, files.c.filename)
        .outerjoin(files, (files.c.id == _C.subject) & files.c.deleted_at.is_(None))
        .where(*_of(Kind.FILE, since))
        .group_by(_C.subject, files.c.filename)
        .order_by(_REQUESTS.desc(), _C.subject)
        .limit(_MOST)
    )
    return [
        Sum(row.subject, int(row.requests), int(row.bytes), filename=row.filename) for row in rows
    ]


def _by_day(connection: Connection, since: str, kind: Kind) -> list[Sum]:
    rows = connection.execute(
        select(_C.day, _C.subject, _C.requests, _C.bytes)
        .where(*_of(kind, since))
        .order_by(_C.day.desc(), _C.bytes.desc(), _C.subject)
    )
    return [Sum(row.subject, row.requests, row.bytes, day=row.day) for row in rows]


def _visitors(connection: Connection, since: str) -> list[Sum]:
    rows = connection.execute(
        select(_C.subject, _REQUESTS, _BYTES)
        .where(*_of(Kind.VISITOR, since))
        .group_by(_C.subject)
        .order_by(_REQUESTS.desc(), _C.subject)
    )
    return [Sum(row.subject, int(row.requests), int(row.bytes)) for row in rows]
