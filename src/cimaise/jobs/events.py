"""Seals what was recorded into the audit log's chain, and tells webhooks of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from cimaise import telemetry
from cimaise.database.audit.sealing import seal
from cimaise.jobs.base import Turn
from cimaise.webhooks.rows import fan_out
from cimaise.webhooks.sending import send_due


async def follow_events(
    turn: Turn,
    new_id: Callable[[], str],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """One round; gives how many deliveries were taken.

    The head goes into the log, so that who keeps the log elsewhere can tell whether the chain was
    written anew.
    """
    database = turn.database
    sealed, head = await database.write(seal)
    if sealed:
        telemetry.log("audit_sealed", entries=sealed, sequence=head.sequence, head=head.hash)
    await database.write(partial(fan_out, new_id=new_id, now=turn.now))
    return await send_due(database, turn.now, clock)
