"""Every job, once."""

from functools import partial
from typing import Final

from cimaise.archives.checksums import forget_old
from cimaise.database.engine import Database
from cimaise.jobs.abandoned_uploads import end_abandoned
from cimaise.jobs.base import Job
from cimaise.jobs.temporary_files import sweep_temporary
from cimaise.library.discarded import delete_discarded
from cimaise.storage.base import Storage

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


def jobs(database: Database, storage: Storage) -> tuple[Job, ...]:
    """The jobs of an installation."""
    return (
        Job("abandoned-uploads", _HOUR, partial(end_abandoned, database, storage)),
        Job(
            "discarded-objects",
            _HOUR,
            lambda now: delete_discarded(database, storage, now=now),
        ),
        Job("temporary-files", _HOUR, partial(sweep_temporary, storage)),
        Job("old-checksums", _DAY, lambda now: forget_old(database, now)),
    )
