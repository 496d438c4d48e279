"""Ends a session that will be no file: quota given back, bytes deleted, a second look noted.

The row changes first. A process that dies before the bytes are gone leaves their keys in
``discarded_objects``, and what a still living signed URL brings back later is found there too.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from cimaise import telemetry
from cimaise.access.risk.scores import Reason, add_score, site_of
from cimaise.database.engine import Database
from cimaise.errors import CimaiseError
from cimaise.library.discarded import LATE, note_discarded
from cimaise.storage.base import Storage
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.attempts import count_failed
from cimaise.uploads.session import State, Strategy, UploadSession


def end(
    connection: Connection,
    session: UploadSession,
    to: State,
    *,
    now: datetime,
    reason: str = "",
    is_ours: bool = False,
) -> bool:
    """Set the end state, give the quota back and note the bytes; False if it changed meanwhile.

    Where the fault ``is_ours`` it is not held against whoever sent it.
    """
    values = {"reason": reason} if reason else {}
    if not sessions.advance(connection, session, to, now=now, **values):
        return False
    # a piece has nothing reserved: its whole has what it had
    if session.reserved_on is not None and not is_ours:
        count_failed(connection, session.token_id or session.account_id, now=now)
        _score(connection, session, to, now=now)
    was, session = session.state, sessions.find(connection, session.id)  # with what came since
    if session.reserved_on is not None:
        if was is State.UPLOADED:
            quota.unsettle(
                connection,
                session.account_id,
                day=session.reserved_on,
                size=session.size or 0,
                token_id=session.token_id,
            )
        else:
            quota.release(
                connection,
                session.account_id,
                day=session.reserved_on,
                reserved=session.reserved_bytes,
                token_id=session.token_id,
            )
    note_leftovers(connection, session, keys_of(session), now=now, reason="upload ended")
    return True


def _score(connection: Connection, session: UploadSession, to: State, *, now: datetime) -> None:
    """Against the account; with an upload token, whose holder is unknown, against the address."""
    holder = session.account_id
    if session.token_id is not None:
        holder = site_of(telemetry.client_address.get()) or ""
    if holder and to in _REASONS:
        add_score(connection, holder, _REASONS[to], now=now)


_REASONS: Final = {State.REJECTED: Reason.FAILED_UPLOAD, State.EXPIRED: Reason.ABANDONED}
"""Ending one's own upload is nobody's fault."""


def note_leftovers(
    connection: Connection,
    session: UploadSession,
    keys: Iterable[str],
    *,
    now: datetime,
    reason: str,
) -> None:
    """Note keys of a session that may get bytes as long as one of its URLs or requests lives."""
    look_again = max(now, session.urls_expire_at or now) + LATE
    for key in keys:
        note_discarded(
            connection,
            [key],
            not_before=look_again,
            reason=reason,
            storage_upload_id=session.storage_upload_id if key == session.incoming_key else None,
            may_have_parts=may_have_parts(session, key),
        )


def may_have_parts(session: UploadSession, key: str) -> bool:
    """Whether a process may have begun a multipart upload there and died before it said so.

    A body of unknown length goes to a bucket in parts, and so does a long copy of an attempt to
    complete.
    """
    if session.strategy is Strategy.STREAM:
        return True
    if key == session.incoming_key:
        return session.strategy is Strategy.MULTIPART and session.storage_upload_id is None
    return key != session.storage_key


def keys_of(session: UploadSession) -> tuple[str, ...]:
    """Every key that the session may have bytes under."""
    if session.strategy is Strategy.STREAM:
        return (session.storage_key,)
    moved = (session.attempt_key(number) for number in range(1, session.attempt + 1))
    return (session.incoming_key, session.storage_key, *moved)


async def remove_bytes(storage: Storage, session: UploadSession) -> None:
    """Delete what is there now. A failure is logged only: the clean-up looks again."""
    try:
        if session.storage_upload_id is not None and storage.multipart is not None:
            await storage.multipart.abort(session.incoming_key, session.storage_upload_id)
        await storage.delete(keys_of(session))
    except CimaiseError as fault:
        telemetry.log("storage_failed", level="warning", fault=fault, upload=session.id)


async def end_and_remove(
    database: Database,
    storage: Storage,
    session: UploadSession,
    to: State,
    *,
    now: datetime,
    reason: str = "",
    is_ours: bool = False,
) -> bool:
    """:func:`end` in a transaction of its own, then :func:`remove_bytes`."""
    ended = await database.write(
        lambda connection: end(connection, session, to, now=now, reason=reason, is_ours=is_ours)
    )
    if ended:
        await remove_bytes(storage, session)
    return ended
