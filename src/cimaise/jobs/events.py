"""Seals what was recorded into the audit log's chain, and tells webhooks of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from cimaise import telemetry
from cimaise.database.audit import sealing
from cimaise.database.audit.sealing import seal
from cimaise.database.engine import Database
from cimaise.jobs.base import Turn
from cimaise.webhooks.rows import fan_out
from cimaise.webhooks.sending import send_due

_LONGEST: Final = timedelta(seconds=5)
"""So long a round goes on while there is more: as much as lies between two rounds."""


async def follow_events(
    turn: Turn,
    new_id: Callable[[], str],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """One round; gives how many deliveries were taken.

    Each step goes on until nothing waits, or until other jobs should have their turn.
    """
    until = clock() + _LONGEST

    def has_time() -> bool:
        return clock() < until

    database = turn.database
    while await _seal(database) and has_time():
        pass
    while await database.write(partial(fan_out, new_id=new_id, now=turn.now)) and has_time():
        pass
    return await send_due(database, turn.now, clock, has_time=has_time)


async def _seal(database: Database) -> bool:
    """Seal some entries; gives whether more may wait.

    The head goes into the log, so that who keeps the log elsewhere can tell whether the chain was
    written anew.
    """
    sealed, head = await database.write(seal)
    if sealed:
        telemetry.log("audit_sealed", entries=sealed, sequence=head.sequence, head=head.hash)
    return sealed == sealing.BATCH
