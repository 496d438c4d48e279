"""Ends uploads that are past their time: quota given back, parts aborted, bytes deleted.

The rows change first, a hundred in a transaction, each by its own compare-and-set: a ``complete``
or a publication that is just at it wins or loses, never half. Then the bytes go, many in one
request. A process that dies in between has written down in ``discarded_objects`` what is left.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from cimaise import telemetry
from cimaise.bounded import map_bounded
from cimaise.database.engine import Database
from cimaise.errors import CimaiseError, NotFound
from cimaise.library.discarded import Freed, OnFreed
from cimaise.library.erasing import abort_unnamed
from cimaise.storage.base import Storage
from cimaise.uploads import session as sessions
from cimaise.uploads.completion import received_whole
from cimaise.uploads.discard import end, keys_of, may_have_parts
from cimaise.uploads.session import State, UploadSession
from cimaise.uploads.tus import rows

BATCH: Final = 100
_AT_ONCE: Final = 8
"""Calls to the storage that run at the same time."""
NONE_EARLY: Final = timedelta(0)


async def end_abandoned(
    database: Database,
    storage: Storage,
    *,
    now: datetime,
    early: timedelta = NONE_EARLY,
    on_freed: OnFreed | None = None,
) -> Freed:
    """End every session that expired before ``now``; gives how many, and the bytes they had.

    Args:
        database: Where the sessions are.
        storage: Where their bytes are.
        now: The time.
        early: Also those that have no more than this left; see :func:`find_expired`.
        on_freed: Told of every batch.

    Raises:
        Unavailable: The database is away. A storage that is away is logged only: what it still
            holds is written down, and deleted when it is back.
    """
    freed, after = Freed(), None
    while batch := await _page(database, now, early, after):
        after = (batch[-1].expires_at, batch[-1].id)
        sizes = await _held(database, storage, batch)
        ended = set(await database.write(partial(_end_all, batch=batch, now=now)))
        await _remove(storage, [one for one in batch if one.id in ended])
        pairs = zip(batch, sizes, strict=True)
        done = Freed(len(ended), sum(size for one, size in pairs if one.id in ended))
        freed += done
        if on_freed is not None:
            on_freed(done)
    return freed


async def count_abandoned(
    database: Database, storage: Storage, *, now: datetime, early: timedelta = NONE_EARLY
) -> Freed:
    """What :func:`end_abandoned` would end; looks into the storage for the bytes."""
    found, after = Freed(), None
    while batch := await _page(database, now, early, after):
        after = (batch[-1].expires_at, batch[-1].id)
        sizes = await _held(database, storage, batch)
        found += Freed(len(batch), sum(sizes))
    return found


async def held_bytes(storage: Storage, session: UploadSession) -> int:
    """Bytes that the storage has of a session; 0 where it cannot be asked."""
    try:
        if session.state is State.UPLOADED:
            return session.size or 0
        parts = 0
        if session.storage_upload_id is not None and storage.multipart is not None:
            try:
                stored = await storage.multipart.parts(
                    session.incoming_key, session.storage_upload_id
                )
                parts = sum(part.size for part in stored)
            except NotFound:
                parts = 0
        return parts or await received_whole(storage, session)
    except CimaiseError:
        return 0


async def _held(database: Database, storage: Storage, batch: Sequence[UploadSession]) -> list[int]:
    ids = [one.id for one in batch]
    kept = await database.read(partial(rows.kept_by_id, upload_ids=ids))

    async def held(session: UploadSession) -> int:
        return kept[session.id] if session.id in kept else await held_bytes(storage, session)

    return await map_bounded(held, batch, at_once=_AT_ONCE)


async def _page(
    database: Database, now: datetime, early: timedelta, after: tuple[datetime, str] | None
) -> list[UploadSession]:
    return await database.read(
        partial(sessions.find_expired, now=now, limit=BATCH, early=early, after=after)
    )


def _end_all(connection: Connection, *, batch: Sequence[UploadSession], now: datetime) -> list[str]:
    return [one.id for one in batch if end(connection, one, State.EXPIRED, now=now)]


async def _remove(storage: Storage, ended: Sequence[UploadSession]) -> None:
    """Abort and delete; what fails is looked for again when its last URL has expired."""
    try:
        await map_bounded(partial(_abort, storage), ended, at_once=_AT_ONCE)
        pairs = ((session, key) for session in ended for key in keys_of(session))
        await abort_unnamed(
            storage, {key for session, key in pairs if may_have_parts(session, key)}
        )
        await storage.delete([key for session in ended for key in keys_of(session)])
    except CimaiseError as fault:
        telemetry.log("storage_failed", level="warning", fault=fault)


async def _abort(storage: Storage, session: UploadSession) -> None:
    if session.storage_upload_id is not None and storage.multipart is not None:
        await storage.multipart.abort(session.incoming_key, session.storage_upload_id)
