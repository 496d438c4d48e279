"""Every job, once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from cimaise.albums.sources.folder.placeholders import BareFile
from cimaise.archives.checksums import forget_old
from cimaise.delivery.purging import Cache, send_purges
from cimaise.delivery.statistics import forget_old_days
from cimaise.images.keeping.shared_cache import SharedCache
from cimaise.jobs.base import Job, Turn
from cimaise.jobs.events import follow_events
from cimaise.jobs.folder_placeholders import FindLocal, make_folder_placeholders
from cimaise.jobs.passing import Passing
from cimaise.jobs.placeholders import Draw, make_placeholders
from cimaise.library.deleted import purge_deleted
from cimaise.library.discarded import delete_discarded
from cimaise.library.placeholders import BarePicture
from cimaise.library.tags import PURGE_JOB
from cimaise.library.takedowns.held import end_held, hold_bytes
from cimaise.storage.base import Storage
from cimaise.uploads.abandoned import end_abandoned
from cimaise.uploads.cleanup import forget_spent, sweep_temporary
from cimaise.usage import forget_old_usage
from cimaise.webhooks.sending import forget_old as forget_webhooks

_SECONDS: Final = 5.0
_OFTEN: Final = 10.0
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


def jobs(
    storage: Storage,
    new_id: Callable[[], str],
    *,
    draw: Draw,
    find_local: FindLocal,
    max_source_bytes: int,
    shared_variant_bytes: int = 0,
    cache: Cache | None = None,
    keep_deleted: timedelta = timedelta(0),
) -> tuple[Job, ...]:
    """The jobs of an installation.

    Args:
        storage: Where its bytes live.
        new_id: Ids that nobody can guess.
        draw: Makes the placeholder of a picture.
        find_local: Finds a file of a folder album.
        max_source_bytes: Most that is copied of a picture to draw it.
        cache: In front of us, where there is one.
        keep_deleted: How long deleted files can be brought back.
        shared_variant_bytes: Size of the variants that machines share; 0 where they do not.
    """
    trimming = Job(
        "shared-variants",
        _HOUR,
        lambda _turn: SharedCache(storage).trim(shared_variant_bytes),
    )
    pictures, folders = Passing[BarePicture](), Passing[BareFile]()
    drawing = (
        Job(
            "placeholders",
            _OFTEN,
            lambda turn: make_placeholders(
                turn, storage, draw, max_bytes=max_source_bytes, passing=pictures
            ),
        ),
        Job(
            "folder-placeholders",
            _OFTEN,
            lambda turn: make_folder_placeholders(turn, find_local, draw, passing=folders),
        ),
    )
    purging = Job(
        "deleted-files", _HOUR, lambda turn: purge_deleted(turn.database, keep_deleted, turn.now)
    )
    sometimes = (trimming,) if shared_variant_bytes else ()
    return (purging, *_always(storage, new_id, cache), *drawing, *sometimes)


def _always(storage: Storage, new_id: Callable[[], str], cache: Cache | None) -> tuple[Job, ...]:
    async def abandoned(turn: Turn) -> int:
        return (await end_abandoned(turn.database, storage, now=turn.now)).count

    async def discarded(turn: Turn) -> int:
        return (await delete_discarded(turn.database, storage, now=turn.now)).count

    async def held(turn: Turn) -> int:
        return await hold_bytes(turn.database, storage) + await end_held(turn.database, turn.now)

    return (
        Job("abandoned-uploads", _HOUR, abandoned),
        Job("discarded-objects", _HOUR, discarded),
        Job("temporary-files", _HOUR, lambda turn: sweep_temporary(storage, turn.now)),
        Job("spent-rows", _HOUR, lambda turn: forget_spent(turn.database, turn.now)),
        Job("takedowns", _HOUR, held),
        Job("events", _SECONDS, lambda turn: follow_events(turn, new_id)),
        Job("old-checksums", _DAY, lambda turn: forget_old(turn.database, turn.now)),
        Job("old-webhook-deliveries", _DAY, lambda turn: forget_webhooks(turn.database, turn.now)),
        Job("old-usage", _DAY, lambda turn: forget_old_usage(turn.database, turn.now)),
        Job("old-deliveries", _DAY, lambda turn: forget_old_days(turn.database, turn.now)),
        Job(PURGE_JOB, _MINUTE, lambda turn: send_purges(turn.database, cache, turn.now)),
    )
