"""Removes what writes of dead processes left behind on a local disk."""

from datetime import datetime, timedelta
from typing import Final

from cimaise.storage.base import Storage

_OLD: Final = timedelta(days=1)
"""Longer than any pause of a write that is still alive."""


async def sweep_temporary(storage: Storage, now: datetime) -> int:
    """Delete temporary files nobody has written to for a day; gives how many."""
    if storage.sweeper is None:
        return 0
    return await storage.sweeper.sweep_temporary(now - _OLD)
