"""Sending what waits: several at once, each until it is taken or has been tried for days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from cimaise import telemetry
from cimaise.bounded import map_bounded
from cimaise.database.engine import Database
from cimaise.webhooks.rows import Delivery, Webhook, due_deliveries, forget_ended, note_attempt
from cimaise.webhooks.signing import signed_headers

if TYPE_CHECKING:
    import aiohttp


PAUSES_S: Final = (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Between attempts: three days in all. After the last one a delivery has failed."""

KEPT: Final = timedelta(days=30)
"""So long a delivery that has ended can be looked at and sent again."""

_TIMEOUT_S: Final = 10.0
_AT_ONCE: Final = 10
BATCH: Final = 50
"""Deliveries that are read at a time."""

_GONE: Final = 410  # the receiver says: never again


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of an attempt: the answer's status, or why there was none."""

    status: int | None
    error: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 (the class)


async def send_due(
    database: Database,
    now: datetime,
    clock: Callable[[], datetime],
    *,
    has_time: Callable[[], bool] = lambda: False,
) -> int:
    """Try everything that is due, once; gives how many were taken.

    A process that dies behind an attempt makes it again: receivers know a message by its id.

    Args:
        database: Where deliveries are.
        now: What is due by then.
        clock: The time.
        has_time: Asked behind each batch that was full: whether there is time for another.

    Raises:
        Unavailable: The database is away. No attempt goes on.
    """
    due = await database.read(partial(due_deliveries, now=now, limit=BATCH))
    if not due:
        return 0
    import aiohttp  # noqa: PLC0415 (loaded by those who need it: 9 MB)

    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    taken = 0
    async with aiohttp.ClientSession(timeout=timeout) as client:
        attempt = partial(_attempt, database, client, clock)
        while due:
            taken += sum(await map_bounded(attempt, due, at_once=_AT_ONCE))
            if len(due) < BATCH or not has_time():
                break
            due = await database.read(partial(due_deliveries, now=now, limit=BATCH))
    return taken


async def _attempt(
    database: Database,
    client: aiohttp.ClientSession,
    clock: Callable[[], datetime],
    one: tuple[Delivery, Webhook],
) -> bool:
    """Post once and write down what became of it; gives whether it was taken."""
    delivery, hook = one
    outcome = await post(client, hook, delivery, clock())
    values = _after(delivery, outcome, clock())
    await database.write(lambda connection: note_attempt(connection, delivery, **values))
    if values["state"] == "failed":
        telemetry.log("webhook_failed", level="warning", webhook=hook.id, delivery=delivery.id)
    return outcome.is_taken


async def forget_old(database: Database, now: datetime) -> int:
    """Delete what ended longer than :data:`KEPT` ago; gives how many."""
    forgotten = 0
    while done := await database.write(partial(forget_ended, before=now - KEPT)):
        forgotten += done
    return forgotten


async def post(
    client: aiohttp.ClientSession, hook: Webhook, delivery: Delivery, now: datetime
) -> Outcome:
    """One attempt. Redirects are not followed: the body is for this address only."""
    import aiohttp  # noqa: PLC0415 (loaded by those who need it: 9 MB)

    headers = signed_headers(
        hook.secret, message_id=delivery.id, timestamp=int(now.timestamp()), body=delivery.body
    )
    try:
        async with client.post(
            hook.url, data=delivery.body.encode(), headers=headers, allow_redirects=False
        ) as answer:
            return Outcome(answer.status)
    except (aiohttp.ClientError, TimeoutError, OSError) as fault:
        return Outcome(None, f"{type(fault).__name__}: {fault}"[:500])


def _after(delivery: Delivery, outcome: Outcome, now: datetime) -> dict[str, object]:
    """What is kept of an attempt."""
    values: dict[str, object] = {"last_status": outcome.status, "last_error": outcome.error}
    if outcome.is_taken:
        return values | {"state": "delivered", "ended_at": now}
    if outcome.status == _GONE or delivery.attempts >= len(PAUSES_S):
        return values | {"state": "failed", "ended_at": now}
    pause = timedelta(seconds=PAUSES_S[delivery.attempts])
    return values | {"state": "waiting", "next_at": now + pause}
