"""What was used on which day: bytes up and down by account, calls of the storage by operation.

Counted in memory and added to the database every few seconds, in one transaction. What a process
that is killed had not added yet is lost: this is for looking at, not for charging; quotas are kept
elsewhere, to the byte.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, func, select

from cimaise import telemetry
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, files, usage_counts
from cimaise.database.upsert import upsert
from cimaise.errors import CimaiseError
from cimaise.tasks import Forever

RECEIVED: Final = "received_bytes"
SENT: Final = "sent_bytes"
REQUESTS: Final = "requests"
OPERATION: Final = "operation:"
REQUEST: Final = "request:"
KEPT: Final = timedelta(days=400)
"""So long the counts of a day are kept: the same month of last year is there to compare."""

_FLUSH_S: Final = 10.0
_ADD: Final = upsert(usage_counts, ("day", "account_id", "measure"), add=("amount",))
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class DayOfAccount:
    """What an account did on a day (UTC); ``name`` is empty for guests."""

    day: str
    name: str
    received_bytes: int
    sent_bytes: int
    requests: int


@dataclass(frozen=True, slots=True)
class PopularFile:
    """A published file and how often it was downloaded whole."""

    id: str
    filename: str
    size: int
    downloads: int


@dataclass(frozen=True, slots=True)
class UsageReport:
    """A month.

    Attributes:
        month: ``2026-03``.
        days: By day and account, those with traffic.
        operations: Calls of the storage by operation, over the month.
        bucket_requests: What was sent to the bucket for them, by S3's name for it.
        stored_bytes: Published now.
        popular: The most downloaded files of all time.
    """

    month: str
    days: tuple[DayOfAccount, ...]
    operations: dict[str, int]
    bucket_requests: dict[str, int]
    stored_bytes: int
    popular: tuple[PopularFile, ...]


class Usage:
    """Counts for one process. ``start`` it with the server, ``stop`` it at the end."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._counts: Counter[_Key] = Counter()
        self._loop = Forever("usage", self._turn)

    def add(self, measure: str, amount: int, *, account_id: str = "") -> None:
        """Count; kept in memory for some seconds."""
        if amount:
            self._counts[self._clock().date().isoformat(), account_id, measure] += amount

    def start(self) -> None:
        """Begin to write down now and then."""
        self._loop.start()

    async def stop(self) -> None:
        """Write down what is left."""
        if self._loop.is_running:
            await self._loop.stop()
            await self.flush()

    async def _turn(self) -> None:
        await asyncio.sleep(_FLUSH_S)
        await self.flush()

    async def flush(self) -> None:
        """Write down what was counted; where the database is away it is kept for the next time."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        try:
            await self._database.write(lambda connection: _add(connection, counts))
        except CimaiseError as fault:
            self._counts.update(counts)
            telemetry.log("usage_not_kept", level="warning", message=fault.message)
        except Exception:
            self._counts.update(counts)
            raise

    async def report(self, month: str) -> UsageReport:
        """What was used in ``month`` (``2026-03``), as written down so far."""
        return await self._database.read(lambda connection: _report(connection, month))


async def forget_old_usage(database: Database, now: datetime) -> int:
    """Delete counts of days longer than :data:`KEPT` ago; gives how many."""
    oldest = (now - KEPT).date().isoformat()
    statement = delete(usage_counts).where(usage_counts.c.day < oldest)
    return await database.write(lambda connection: connection.execute(statement).rowcount)


def _add(connection: Connection, counts: Counter[_Key]) -> None:
    rows = [
        {"day": day, "account_id": account_id, "measure": measure, "amount": amount}
        for (day, account_id, measure), amount in sorted(counts.items())  # one order: no deadlock
    ]
    connection.execute(_ADD, rows)


def _report(connection: Connection, month: str) -> UsageReport:
    return UsageReport(
        month=month,
        days=_days(connection, month),
        operations=_by_name(connection, month, OPERATION),
        bucket_requests=_by_name(connection, month, REQUEST),
        stored_bytes=_stored(connection),
        popular=_popular(connection),
    )


def _days(connection: Connection, month: str) -> tuple[DayOfAccount, ...]:
    rows = connection.execute(
        select(usage_counts, accounts.c.name)
        .outerjoin(accounts, accounts.c.id == usage_counts.c.account_id)
        .where(usage_counts.c.day.like(f"{month}-%"))
        .where(usage_counts.c.measure.in_((RECEIVED, SENT, REQUESTS)))
    )
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        sums.setdefault((row.day, row.name or ""), {})[row.measure] = row.amount
    return tuple(
        DayOfAccount(day, name, found.get(RECEIVED, 0), found.get(SENT, 0), found.get(REQUESTS, 0))
        for (day, name), found in sorted(sums.items())
    )


def _by_name(connection: Connection, month: str, prefix: str) -> dict[str, int]:
    rows = connection.execute(
        select(usage_counts.c.measure, func.sum(usage_counts.c.amount))
        .where(usage_counts.c.day.like(f"{month}-%"))
        .where(usage_counts.c.measure.like(f"{prefix}%"))
        .group_by(usage_counts.c.measure)
        .order_by(usage_counts.c.measure)
    )
    return {measure.removeprefix(prefix): int(amount) for measure, amount in rows}


def _stored(connection: Connection) -> int:
    statement = select(func.sum(files.c.size)).where(files.c.storage_key.is_not(None))
    return int(connection.execute(statement.where(files.c.deleted_at.is_(None))).scalar() or 0)


def _popular(connection: Connection, limit: int = 20) -> tuple[PopularFile, ...]:
    rows = connection.execute(
        select(files.c.id, files.c.filename, files.c.size, files.c.download_count)
        .where(files.c.deleted_at.is_(None), files.c.download_count > 0)
        .order_by(files.c.download_count.desc(), files.c.id)
        .limit(limit)
    )
    return tuple(PopularFile(*row) for row in rows)
