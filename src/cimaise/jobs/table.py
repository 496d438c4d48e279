"""Every job, once."""

from typing import Final

from cimaise.archives.checksums import forget_old
from cimaise.jobs.abandoned_uploads import end_abandoned
from cimaise.jobs.base import Job
from cimaise.jobs.temporary_files import sweep_temporary
from cimaise.library.discarded import delete_discarded
from cimaise.storage.base import Storage

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


def jobs(storage: Storage) -> tuple[Job, ...]:
    """The jobs of an installation."""
    return (
        Job(
            "abandoned-uploads",
            _HOUR,
            lambda turn: end_abandoned(turn.database, storage, turn.now),
            is_cleanup=True,
        ),
        Job(
            "discarded-objects",
            _HOUR,
            lambda turn: delete_discarded(turn.database, storage, now=turn.now),
            is_cleanup=True,
        ),
        Job(
            "temporary-files",
            _HOUR,
            lambda turn: sweep_temporary(storage, turn.now),
            is_cleanup=True,
        ),
        Job("old-checksums", _DAY, lambda turn: forget_old(turn.database, turn.now)),
    )
