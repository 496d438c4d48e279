"""Answers of another server, kept in the database: shown at once when old, and made new beside.

Every process of the server sees the same answers, also after a restart and without the network.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, select

from cimaise.database.engine import Database
from cimaise.database.schema import source_answers
from cimaise.database.upsert import upsert
from cimaise.errors import NotFound, UpstreamTimedOut
from cimaise.telemetry import log

T = TypeVar("T")
_KEEP: Final = upsert(source_answers, ("name",), replace=("fetched_at", "body"))
_MOST_DECODED: Final = 64
_STALE: Final = timedelta(days=7)  # longest trust in an answer while its server does not answer


class Answers:
    """Kept answers by name; belongs to one event loop. :meth:`close` it.

    Args:
        database: Where they are kept.
        clock: The time, aware.
        first_wait_s: Longest wait for an answer that was never had; it is fetched to the end
            beside whoever gave up waiting.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime], *, first_wait_s: float = 4.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._first_wait_s = first_wait_s
        self._fetching: dict[str, asyncio.Task[Any]] = {}
        self._decoded: dict[str, tuple[datetime, Any]] = {}

    async def get(
        self,
        name: str,
        kind: type[T],
        fetch: Callable[[T | None], Awaitable[T]],
        *,
        fresh_s: float,
        may_be_old: bool = True,
    ) -> T:
        """The answer called so: the kept one, also when it is old, or else a new one.

        Args:
            name: Which.
            kind: What it is read as.
            fetch: Gets a new one; is given the kept one, and may give that back as still good.
            fresh_s: After so long it is made new.
            may_be_old: The kept one will do meanwhile, and for a week where no new one comes.

        Raises:
            UpstreamTimedOut: There is none, and none came in time.
            CimaiseError: What ``fetch`` raises, where there is none that is good any more.
        """
        kept = await self._kept(name, kind)
        age = self._clock() - kept[0] if kept else _STALE
        if kept and age < timedelta(seconds=fresh_s):
            return kept[1]
        task = self._fetch(name, fetch, kept[1] if kept else None)
        if kept and may_be_old and age < _STALE:
            return kept[1]
        return await self._waited_for(task)

    async def settled(self) -> None:
        """Wait until nothing is being fetched."""
        while self._fetching:
            await asyncio.wait(list(self._fetching.values()))

    async def close(self) -> None:
        """Give up what is being fetched."""
        for task in self._fetching.values():
            task.cancel()
        await asyncio.gather(*self._fetching.values(), return_exceptions=True)

    async def _waited_for(self, task: "asyncio.Task[T]") -> T:
        done, _ = await asyncio.wait({task}, timeout=self._first_wait_s)
        if not done:
            raise UpstreamTimedOut("The source did not answer in time.")
        return task.result()

    def _fetch(
        self, name: str, fetch: Callable[[T | None], Awaitable[T]], old: T | None
    ) -> "asyncio.Task[T]":
        """Once for all who ask for the same."""
        running: asyncio.Task[T] | None = self._fetching.get(name)
        if running is None:
            running = asyncio.create_task(self._fetched(name, fetch, old))
            self._fetching[name] = running
            running.add_done_callback(lambda done: self._ended(name, done))
        return running

    async def _fetched(
        self, name: str, fetch: Callable[[T | None], Awaitable[T]], old: T | None
    ) -> T:
        try:
            value = await fetch(old)
        except NotFound:  # it is gone there: not to be shown any longer here
            await self._database.write(lambda connection: _forget(connection, name))
            self._decoded.pop(name, None)
            raise
        at, body = self._clock(), msgspec.json.encode(value).decode()
        await self._database.write(lambda connection: _keep(connection, name, at, body))
        self._remember(name, at, value)
        return value

    def _ended(self, name: str, task: "asyncio.Task[Any]") -> None:
        self._fetching.pop(name, None)
        if (
            not task.cancelled() and task.exception() is not None
        ):  # looked at: it may have no waiter
            log("album_source_failed", level="warning", source=name, reason=str(task.exception()))

    async def _kept(self, name: str, kind: type[T]) -> tuple[datetime, T] | None:
        at = await self._database.read(lambda connection: _date(connection, name))
        if at is None:
            return None
        decoded = self._decoded.get(name)
        if decoded is not None and decoded[0] == at:
            return decoded
        body = await self._database.read(lambda connection: _body(connection, name))
        try:
            value = msgspec.json.decode(body or "", type=kind)
        except msgspec.MsgspecError:  # of another version of ours
            return None
        self._remember(name, at, value)
        return at, value

    def _remember(self, name: str, at: datetime, value: Any) -> None:
        while len(self._decoded) >= _MOST_DECODED:
            self._decoded.pop(next(iter(self._decoded)))
        self._decoded[name] = (at, value)


def _date(connection: Connection, name: str) -> datetime | None:
    statement = select(source_answers.c.fetched_at).where(source_answers.c.name == name)
    return connection.execute(statement).scalar()


def _body(connection: Connection, name: str) -> str | None:
    statement = select(source_answers.c.body).where(source_answers.c.name == name)
    return connection.execute(statement).scalar()


def _keep(connection: Connection, name: str, at: datetime, body: str) -> None:
    connection.execute(_KEEP, {"name": name, "fetched_at": at, "body": body})


def _forget(connection: Connection, name: str) -> None:
    connection.execute(source_answers.delete().where(source_answers.c.name == name))
