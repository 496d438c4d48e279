"""Sends what caches have to forget, until they have said that it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, delete, select, update

from cimaise import telemetry
from cimaise.database.engine import Database
from cimaise.database.schema import purges
from cimaise.delivery.purgers.base import Purger
from cimaise.errors import UpstreamFailed

if TYPE_CHECKING:
    import aiohttp


KEPT: Final = timedelta(days=7)
"""After that no cache has the old answer any more, unless it was told to keep it for longer."""

_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_TIMEOUT_S: Final = 15.0
_MAX_ERROR_CHARS: Final = 300
_DONE: Final = 2  # hundreds


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache in front of us.

    Attributes:
        purger: How it is spoken to.
        url: Where purges go.
        token: What lets us.
    """

    purger: Purger
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class _Noted:
    id: str
    tag: str
    attempts: int


async def send_purges(database: Database, cache: Cache | None, now: datetime) -> int:
    """Send everything whose time has come, in batches; gives how many tags are done.

    Each tag is sent at least once after its change was committed. A batch that fails is tried
    again after 5 s, 10 s, 20 s, … up to an hour, for 7 days. Without a cache what was written
    down is simply dropped.

    Raises:
        UpstreamFailed: The cache did not take them; the next run goes on.
    """
    if cache is None:
        return await database.write(partial(_drop_all, now=now))
    import aiohttp  # noqa: PLC0415 (loaded by those who need it: 9 MB)

    await database.write(partial(_drop_old, before=now - KEPT))
    done = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session:
        while batch := await database.read(partial(_due, now=now, limit=cache.purger.max_tags)):
            try:
                await _send(session, cache, sorted({one.tag for one in batch}))
            except UpstreamFailed as fault:
                await database.write(partial(_put_off, batch=batch, now=now, why=fault.message))
                raise
            await database.write(partial(_forget, batch=batch))
            done += len(batch)
    return done


async def _send(session: aiohttp.ClientSession, cache: Cache, tags: Sequence[str]) -> None:
    import aiohttp  # noqa: PLC0415 (loaded by those who need it: 9 MB)

    request = cache.purger.request(tags, cache.token)
    try:
        async with session.request(
            request.method,
            cache.url,
            headers=request.headers,
            json=request.body,
            allow_redirects=False,
        ) as reply:
            if reply.status // 100 != _DONE:
                raise UpstreamFailed(f"The cache answered {reply.status} to a purge.")
    except (aiohttp.ClientError, TimeoutError, OSError) as fault:
        raise UpstreamFailed("The cache cannot be reached for a purge.") from fault
    telemetry.log("cache_purged", level="debug", tags=len(tags))


def _due(connection: Connection, now: datetime, limit: int) -> list[_Noted]:
    rows = connection.execute(
        select(purges.c.id, purges.c.tag, purges.c.attempts)
        .where(purges.c.not_before <= now)
        .order_by(purges.c.created_at, purges.c.id)
        .limit(limit)
    )
    return [_Noted(row.id, row.tag, row.attempts) for row in rows]


def _put_off(connection: Connection, batch: Sequence[_Noted], now: datetime, why: str) -> None:
    for one in batch:
        pause = min(_FIRST_PAUSE * 2 ** min(one.attempts, 20), _LONGEST_PAUSE)
        connection.execute(
            update(purges)
            .where(purges.c.id == one.id)
            .values(
                attempts=one.attempts + 1,
                not_before=now + pause,
                last_error=why[:_MAX_ERROR_CHARS],
            )
        )


def _forget(connection: Connection, batch: Sequence[_Noted]) -> None:
    connection.execute(delete(purges).where(purges.c.id.in_([one.id for one in batch])))


def _drop_old(connection: Connection, before: datetime) -> None:
    dropped = connection.execute(delete(purges).where(purges.c.created_at < before)).rowcount
    if dropped:
        telemetry.log("purges_dropped", level="error", count=dropped)


def _drop_all(connection: Connection, now: datetime) -> int:
    connection.execute(delete(purges).where(purges.c.created_at <= now))
    return 0
