"""What the parts of the tus door share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cimaise.database.engine import Database
from cimaise.settings import Settings
from cimaise.storage.base import Storage


@dataclass(frozen=True, slots=True)
class Stores:
    """Where things are kept, the time, and what makes ids."""

    database: Database
    storage: Storage
    settings: Settings
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def expiry(self) -> datetime:
        """When an upload is past its time that somebody is at now."""
        return self.clock() + timedelta(seconds=self.settings.uploads.session_ttl)
