"""One run of the whole clean-up: what is past its time ends, what nothing needs is deleted.

The server does the same hour by hour, step by step (:mod:`cimaise.jobs.table`). Every step is
idempotent and may die anywhere, so it does not matter who else is at it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from cimaise.access.risk.scores import forget_scores
from cimaise.access.spent import count_spent, delete_spent
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.errors import Unavailable
from cimaise.library.deleted import count_overdue, purge_deleted
from cimaise.library.discarded import Freed, count_discarded, delete_discarded
from cimaise.storage.base import Storage
from cimaise.uploads.abandoned import NONE_EARLY, count_abandoned, end_abandoned
from cimaise.uploads.attempts import forget_failed

OnStep = Callable[[str, Freed], None]
"""Told of every batch that is done: the step's name, and what the batch freed."""

StepWork = Callable[[Database, datetime], Awaitable[Freed]]
"""A step as of a moment, on the database that it may write to."""

TakeTurn = Callable[[str, StepWork], Awaitable[Freed | None]]
"""Does a step under its lease; ``None`` where another process is at it."""

OLD_SCORES: Final = timedelta(days=7)  # nothing is left of one after so many half-lives
OLD_TEMPORARY: Final = timedelta(days=1)
"""Longer than any pause of a write that is still alive."""


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """What was freed by the names of the steps, or what would be."""

    is_dry_run: bool
    freed: Mapping[str, Freed]

    @property
    def bytes(self) -> int:
        """Of all steps."""
        return sum(one.bytes for one in self.freed.values())


class Cleanup:
    """All steps of the clean-up in a row."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        clock: Callable[[], datetime],
        *,
        session_ttl_s: float,
        keep_deleted: timedelta,
        take_turn: TakeTurn,
    ) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock
        self._session_ttl = timedelta(seconds=session_ttl_s)
        self._keep_deleted = keep_deleted
        self._take_turn = take_turn

    async def run(
        self,
        *,
        dry_run: bool = False,
        older_than: timedelta | None = None,
        account_id: str | None = None,
        on_step: OnStep | None = None,
    ) -> CleanupReport:
        """All steps, now, each under the lease of its job.

        Args:
            dry_run: Change nothing; say what would be freed.
            older_than: Also end unfinished uploads that nobody has touched for that long,
                although their own time is not over.
            account_id: Who asked for it; ``None``: the operator at the machine.
            on_step: Told of progress.

        Raises:
            Unavailable: The database or the storage is away, or (``busy``) a server is at one of
                the steps just now; what was done stays done.
        """
        early = NONE_EARLY
        if older_than is not None:
            early = max(NONE_EARLY, self._session_ttl - older_than)
        if dry_run:
            return CleanupReport(is_dry_run=True, freed=await self._count(early))
        freed = {}
        for name, step in self._steps(early, on_step or _tell_nobody).items():
            done = await self._take_turn(name, step)
            if done is None:
                sentence = f"A server is at {name.replace('-', ' ')} just now."
                raise Unavailable(sentence, code="busy", retry_after_s=60)
            freed[name] = done
        report = CleanupReport(is_dry_run=False, freed=freed)
        await self._audit(report, account_id)
        return report

    def _steps(self, early: timedelta, tell: OnStep) -> Mapping[str, StepWork]:
        return {
            "abandoned-uploads": lambda database, now: end_abandoned(
                database,
                self._storage,
                now=now,
                early=early,
                on_freed=partial(tell, "abandoned-uploads"),
            ),
            "deleted-files": lambda database, now: _counted(
                purge_deleted(database, self._keep_deleted, now)
            ),
            "discarded-objects": lambda database, now: delete_discarded(
                database, self._storage, now=now, on_freed=partial(tell, "discarded-objects")
            ),
            "temporary-files": lambda _, now: _counted(sweep_temporary(self._storage, now)),
            "spent-rows": lambda database, now: _counted(forget_spent(database, now)),
        }

    async def _count(self, early: timedelta) -> Mapping[str, Freed]:
        database, now = self._database, self._clock()
        return {
            "abandoned-uploads": await count_abandoned(
                database, self._storage, now=now, early=early
            ),
            "deleted-files": await count_overdue(database, self._keep_deleted, now),
            "discarded-objects": await count_discarded(database, now=now),
            "spent-rows": Freed(await count_spent(database, now=now)),
        }

    async def _audit(self, report: CleanupReport, account_id: str | None) -> None:
        details = {
            name: {"count": one.count, "bytes": one.bytes}
            | ({"refused": one.refused} if one.refused else {})
            for name, one in report.freed.items()
        }

        def work(connection: Connection) -> None:
            record(
                connection, at=self._clock(), account_id=account_id, action="cleanup.run",
                subject="cleanup", details=details,
            )  # fmt: skip

        await self._database.write(work)


def _tell_nobody(name: str, freed: Freed) -> None:
    del name, freed


async def _counted(work: Awaitable[int]) -> Freed:
    return Freed(await work)


async def sweep_temporary(storage: Storage, now: datetime) -> int:
    """Delete temporary files nobody has written to for a day; gives how many."""
    if storage.sweeper is None:
        return 0
    return await storage.sweeper.sweep_temporary(now - OLD_TEMPORARY)


async def forget_spent(database: Database, now: datetime) -> int:
    """Delete rows that count for nothing any more; gives how many."""
    hours = await database.write(partial(forget_failed, now=now))
    faded = await database.write(partial(forget_scores, before=now - OLD_SCORES))
    return hours + faded + await delete_spent(database, now=now)
