"""An upload on its way: its states, and the one table of transitions.

    pending ──→ completing ──→ uploaded ──→ published
       │            │             │
       └────────────┴─────────────┴──→ aborted | expired | rejected

``completing`` is held while the storage joins parts and the bytes are looked at. A process that
dies there leaves a row that the next ``complete`` goes on from, because every step of it may be
repeated. Every change is one compare-and-set on the row, with one audit event beside it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, insert, select, update

from cimaise.database.audit import record
from cimaise.database.prepared import Prepared, PreparedRow
from cimaise.database.schema import collections, uploads
from cimaise.errors import NotFound, WrongState
from cimaise.storage.keys import object_key


class State(StrEnum):
    """Where an upload is. ``uploading`` is ``pending`` with bytes: only the answers tell."""

    PENDING = "pending"
    COMPLETING = "completing"
    UPLOADED = "uploaded"
    PUBLISHED = "published"
    ABORTED = "aborted"
    EXPIRED = "expired"
    REJECTED = "rejected"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.PENDING: frozenset(
        {State.COMPLETING, State.ABORTED, State.EXPIRED, State.REJECTED}
    ),
    State.COMPLETING: frozenset(
        {State.PENDING, State.UPLOADED, State.PUBLISHED, State.ABORTED, State.EXPIRED,
         State.REJECTED}
    ),
    State.UPLOADED: frozenset({State.PUBLISHED, State.ABORTED, State.EXPIRED}),
    State.PUBLISHED: frozenset(),
    State.ABORTED: frozenset(),
    State.EXPIRED: frozenset(),
    State.REJECTED: frozenset(),
}  # fmt: skip

ENDED: Final = frozenset({State.ABORTED, State.EXPIRED, State.REJECTED})


class Strategy(StrEnum):
    """How the bytes arrive."""

    SINGLE = "single"  # one PUT to a signed URL
    MULTIPART = "multipart"  # parts to signed URLs
    STREAM = "stream"  # through the server


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """One row of ``uploads``; see the schema for what each field means."""

    id: str
    account_id: str
    collection_id: str | None
    collection_name: str | None
    door: str
    strategy: Strategy
    state: State
    filename: str
    declared_size: int | None
    declared_type: str | None
    declared_sha256: str | None = None
    part_size: int | None = None
    part_count: int | None = None
    incoming_key: str
    storage_key: str
    storage_upload_id: str | None = None
    attempt: int = 0
    reserved_bytes: int
    reserved_on: str | None
    size: int | None = None
    content_type: str | None = None
    sha256: str | None = None
    storage_etag: str | None = None
    picture: dict[str, Any] | None = None
    reason: str | None = None
    file_id: str | None = None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    urls_expire_at: datetime | None = None
    completed_at: datetime | None = None
    token_id: str | None = None
    received_bytes: int = 0

    def attempt_key(self, attempt: int) -> str:
        """Where an attempt to complete moves the bytes: no two attempts write to one key."""
        return object_key(f"{self.storage_key.rpartition('/')[2]}-{attempt}")

    def part_length(self, part_number: int) -> int:
        """Bytes of a part: all have the same size but the last."""
        size, part_size, count = self.declared_size, self.part_size, self.part_count
        assert size is not None
        assert part_size is not None
        assert count is not None
        return part_size if part_number < count else size - part_size * (count - 1)


def shown_state(session: UploadSession) -> str:
    """The state as clients know it: what we do while completing is none of theirs."""
    return "uploading" if session.state is State.COMPLETING else session.state.value


_COLUMNS: Final = tuple(name for name in UploadSession.__slots__ if name != "collection_name")

# Built once: to build a statement takes longer than to run it.
_INSERT: Final = Prepared(insert(uploads))
_CHANGE: Final = update(uploads).where(
    uploads.c.id == bindparam("of_id"),
    uploads.c.state == bindparam("of_state"),
    uploads.c.attempt == bindparam("of_attempt"),
)
"""Of the columns that it is given, in a row that is as it was read."""


def add(connection: Connection, session: UploadSession) -> None:
    """Write a new session's row."""
    values = {name: getattr(session, name) for name in _COLUMNS}
    values |= {"state": session.state.value, "strategy": session.strategy.value}
    _INSERT.run(connection, values)
    _audit(connection, session, session.state, session.created_at, None)


def find(connection: Connection, upload_id: str) -> UploadSession:
    """The session; ``NotFound``."""
    row = _ONE.first(connection, {"of_id": upload_id})
    if row is None:
        raise NotFound("There is no such upload.")
    return _session_of(row)


def find_of_account(
    connection: Connection,
    account_id: str | None,
    *,
    state: State | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[UploadSession]:
    """Sessions of an account (``None``: of all), newest first; ``before``: an earlier page's end."""
    statement = _selected()
    if account_id is not None:
        statement = statement.where(uploads.c.account_id == account_id)
    if state is not None:
        statement = statement.where(uploads.c.state == state.value)
    if before is not None:
        at, upload_id = before
        statement = statement.where(
            (uploads.c.created_at < at) | and_(uploads.c.created_at == at, uploads.c.id < upload_id)
        )
    ordered = statement.order_by(uploads.c.created_at.desc(), uploads.c.id.desc())
    return [_session_of(row) for row in connection.execute(ordered.limit(limit))]


LIVING: Final = (State.PENDING, State.COMPLETING, State.UPLOADED)


def find_expired(
    connection: Connection,
    *,
    now: datetime,
    limit: int,
    early: timedelta = timedelta(0),
    after: tuple[datetime, str] | None = None,
) -> list[UploadSession]:
    """Sessions past their time that have not ended, oldest first.

    Args:
        connection: Of the caller's transaction.
        now: The time.
        limit: At most so many.
        early: Also those that have no more than this left. A stream that flows is never among
            them: its lease is renewed, and only when that has run out nobody is at it any more.
        after: Where an earlier page ended.
    """
    expires_at = uploads.c.expires_at
    flows = and_(
        uploads.c.strategy == Strategy.STREAM.value, uploads.c.state == State.COMPLETING.value
    )
    is_due = (expires_at < now) | and_(expires_at < now + early, ~flows)
    statement = _selected().where(uploads.c.state.in_([one.value for one in LIVING]), is_due)
    if after is not None:
        at, upload_id = after
        statement = statement.where(
            (expires_at > at) | and_(expires_at == at, uploads.c.id > upload_id)
        )
    rows = connection.execute(statement.order_by(expires_at, uploads.c.id).limit(limit))
    return [_session_of(row) for row in rows]


def advance(
    connection: Connection,
    session: UploadSession,
    to: State,
    *,
    now: datetime,
    **values: Any,
) -> bool:
    """Compare-and-set the state; False where somebody else changed it meanwhile.

    Args:
        connection: Of the caller's transaction.
        session: As it was read; its state is what is compared.
        to: A state that the table allows.
        now: For ``updated_at`` and the audit.
        values: Further columns to set with it.
    """
    if to not in TRANSITIONS[session.state]:
        raise WrongState(f"The upload is {session.state}.")
    changed = _change(connection, session, state=to.value, updated_at=now, **values)
    if changed:
        _audit(connection, session, to, now, values.get("reason"))
    return changed


def note(connection: Connection, session: UploadSession, **values: Any) -> bool:
    """Set columns without changing the state; False where the state is another by now."""
    return _change(connection, session, **values)


def _change(connection: Connection, session: UploadSession, **values: Any) -> bool:
    """False where somebody else changed the row meanwhile."""
    row = {"of_id": session.id, "of_state": session.state.value, "of_attempt": session.attempt}
    return bool(connection.execute(_CHANGE, row | values).rowcount)


def exchange_storage_upload(
    connection: Connection, session: UploadSession, storage_upload_id: str
) -> UploadSession:
    """Give a session another upload of the storage, unless somebody else did; gives it as it is."""
    known = uploads.c.storage_upload_id
    connection.execute(
        update(uploads)
        .where(_same(session), known.is_not_distinct_from(session.storage_upload_id))
        .values(storage_upload_id=storage_upload_id)
    )
    return find(connection, session.id)


def claim(connection: Connection, session: UploadSession, *, now: datetime) -> bool:
    """Begin an attempt to complete; False where somebody else changed the row meanwhile.

    Each attempt has a number, and what an older one does afterwards changes nothing any more:
    the number is a fencing token. So a process that died in the middle needs no time-out.
    """
    if session.state not in (State.PENDING, State.COMPLETING):
        raise WrongState(f"The upload is {session.state}.")
    changed = _change(
        connection,
        session,
        state=State.COMPLETING.value,
        attempt=session.attempt + 1,
        updated_at=now,
    )
    if changed and session.state is State.PENDING:
        _audit(connection, session, State.COMPLETING, now, None)
    return changed


def _same(session: UploadSession) -> Any:
    """The row is as it was read, as far as anybody may go on with it."""
    return and_(
        uploads.c.id == session.id,
        uploads.c.state == session.state.value,
        uploads.c.attempt == session.attempt,
    )


def _audit(
    connection: Connection, session: UploadSession, to: State, now: datetime, reason: str | None
) -> None:
    details = {"door": session.door, "declared_size": session.declared_size}
    if reason:
        details["reason"] = reason
    by = None if to is State.EXPIRED else session.account_id
    record(
        connection, at=now, account_id=by, action=f"upload.{to}",
        subject=session.id, details=details,
    )  # fmt: skip


def _selected() -> Any:
    joined = uploads.outerjoin(collections, collections.c.id == uploads.c.collection_id)
    return select(
        *(uploads.c[name] for name in _COLUMNS), collections.c.name.label("collection_name")
    ).select_from(joined)


_ONE: Final = PreparedRow(_selected().where(uploads.c.id == bindparam("of_id")))


def _session_of(row: Row[Any]) -> UploadSession:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name for it)
    values["state"] = State(values["state"])
    values["strategy"] = Strategy(values["strategy"])
    return UploadSession(**values)
