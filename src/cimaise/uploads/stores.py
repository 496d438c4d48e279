"""What the doors share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cimaise.database.engine import Database
from cimaise.settings import Settings
from cimaise.storage.base import Storage

PART_BYTES: Final = 8 * 1024 * 1024
"""Part size, where bytes are kept in parts and the length does not ask for larger ones."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where things are kept, the time, and what makes ids.

    ``part_bytes`` is the least part size of what comes by tus, for storages that keep bytes in
    parts; buckets take nothing below 5 MiB.
    """

    database: Database
    storage: Storage
    settings: Settings
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    part_bytes: int = PART_BYTES

    def expiry(self) -> datetime:
        """When an upload is past its time that somebody is at now."""
        return self.clock() + timedelta(seconds=self.settings.uploads.session_ttl)
