"""Ends uploads that are past their time: quota given back, bytes deleted."""

from datetime import datetime
from typing import Final

from cimaise.database.engine import Database
from cimaise.storage.base import Storage
from cimaise.uploads import session as sessions
from cimaise.uploads.discard import end_and_remove
from cimaise.uploads.session import State

_BATCH: Final = 100


async def end_abandoned(database: Database, storage: Storage, now: datetime) -> int:
    """End every session that expired before ``now``; gives how many.

    Only what is past its time is touched, whatever its state; the compare-and-set of each row
    lets a ``complete`` that is just at it win or lose, never half.
    """
    ended = 0
    while True:
        batch = await database.read(
            lambda connection: sessions.find_expired(connection, now=now, limit=_BATCH)
        )
        won = 0
        for session in batch:
            won += await end_and_remove(database, storage, session, State.EXPIRED, now=now)
        ended += won
        if len(batch) < _BATCH or not won:
            return ended
