"""What the database knows of tus uploads: sessions with what the protocol adds to them.

Everything that depends on who is at an upload is a compare-and-set of its ``generation``: whoever
takes an upload over counts it up, and what an earlier one records later changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, insert, select, update

from cimaise.database.prepared import Prepared, PreparedRow
from cimaise.database.schema import tus_parts, tus_pieces, tus_uploads, uploads
from cimaise.errors import NotFound, WrongState
from cimaise.storage.base import PartInfo
from cimaise.uploads import session as sessions
from cimaise.uploads.session import State, UploadSession

DOOR: Final = "tus"


@dataclass(frozen=True, slots=True)
class TusUpload:
    """A session of this door.

    Attributes:
        session: Its row in ``uploads``; ``declared_size`` is ``None`` while it is deferred.
        metadata: ``Upload-Metadata`` as sent.
        concat: ``Upload-Concat`` as sent.
        max_bytes: Most that it may be.
        kept_bytes: What was kept when that was last recorded.
        generation: Counted up by everybody who takes it over.
        tail_key: Object with the bytes behind the last whole part.
        tail_bytes: How many of its first bytes count.
    """

    session: UploadSession
    metadata: str | None
    concat: str | None
    max_bytes: int
    kept_bytes: int = 0
    generation: int = 0
    tail_key: str | None = None
    tail_bytes: int = 0

    @property
    def id(self) -> str:
        """The session's."""
        return self.session.id

    @property
    def is_partial(self) -> bool:
        """A piece of another upload; it never becomes a file by itself."""
        return self.concat == "partial"

    @property
    def is_final(self) -> bool:
        """Made of partial uploads; nothing is sent to it."""
        return self.concat is not None and not self.is_partial

    @property
    def length(self) -> int | None:
        """Bytes that it will have, where that is known."""
        return self.session.declared_size

    @property
    def is_whole(self) -> bool:
        """Every byte is kept, as last recorded."""
        return self.length is not None and self.kept_bytes == self.length

    @property
    def is_done(self) -> bool:
        """Complete: there is nothing left to do."""
        return self.session.state in (State.UPLOADED, State.PUBLISHED)


_COLUMNS: Final = (
    "metadata", "concat", "max_bytes", "kept_bytes", "generation", "tail_key", "tail_bytes",
)  # fmt: skip


# Built once: to build a statement takes longer than to run it.
_INSERT: Final = Prepared(insert(tus_uploads))
_ONE: Final = PreparedRow(
    select(*(tus_uploads.c[name] for name in _COLUMNS)).where(
        tus_uploads.c.upload_id == bindparam("of_id")
    )
)
_RECORD_MORE: Final = Prepared(
    update(tus_uploads).where(
        tus_uploads.c.upload_id == bindparam("of_id"),
        tus_uploads.c.kept_bytes < bindparam("of_bytes", type_=BigInteger),
    )
)
_TOUCH: Final = Prepared(
    update(uploads).where(
        uploads.c.id == bindparam("of_id"), uploads.c.state == State.PENDING.value
    )
)
_FINALS: Final = (
    select(tus_pieces.c.final_id)
    .distinct()
    .join(uploads, uploads.c.id == tus_pieces.c.final_id)
    .where(tus_pieces.c.partial_id == bindparam("of_id"), uploads.c.state == State.PENDING.value)
)


def add(connection: Connection, upload: TusUpload, pieces: Sequence[str] = ()) -> None:
    """Write a new upload; ``pieces`` are the partial uploads of a final one, in order."""
    sessions.add(connection, upload.session)
    values = {name: getattr(upload, name) for name in _COLUMNS}
    _INSERT.run(connection, {"upload_id": upload.id, **values})
    if pieces:
        connection.execute(
            insert(tus_pieces),
            [
                {"final_id": upload.id, "position": position, "partial_id": piece}
                for position, piece in enumerate(pieces)
            ],
        )


def find(connection: Connection, upload_id: str) -> TusUpload:
    """``NotFound`` where there is none, or one of another door."""
    row = _ONE.first(connection, {"of_id": upload_id})
    if row is None:
        raise NotFound("There is no such upload.")
    return TusUpload(sessions.find(connection, upload_id), **row._mapping)  # noqa: SLF001


def claim(connection: Connection, upload_id: str) -> TusUpload:
    """Count the generation up: from now on only this caller records anything."""
    connection.execute(
        update(tus_uploads)
        .where(tus_uploads.c.upload_id == upload_id)
        .values(generation=tus_uploads.c.generation + 1)
    )
    return find(connection, upload_id)


def record(connection: Connection, upload: TusUpload, **values: Any) -> None:
    """Set columns, as long as nobody took the upload over; otherwise ``WrongState``."""
    changed = connection.execute(
        update(tus_uploads)
        .where(
            tus_uploads.c.upload_id == upload.id,
            tus_uploads.c.generation == upload.generation,
        )
        .values(**values)
    ).rowcount
    if not changed:
        raise WrongState("Somebody else goes on with this upload.", code="taken_over")


def record_more(connection: Connection, upload_id: str, kept_bytes: int) -> None:
    """Note how much is kept where the storage knows it better; it never becomes less."""
    values = {"of_id": upload_id, "of_bytes": kept_bytes, "kept_bytes": kept_bytes}
    _RECORD_MORE.run(connection, values)


def add_parts(connection: Connection, upload_id: str, parts: Sequence[PartInfo]) -> None:
    """Whole parts, in place of earlier ones of the same numbers."""
    drop_parts(connection, upload_id, [part.part_number for part in parts])
    connection.execute(
        insert(tus_parts),
        [
            {
                "upload_id": upload_id,
                "part_number": part.part_number,
                "size": part.size,
                "etag": part.etag,
            }
            for part in parts
        ],
    )


def drop_parts(connection: Connection, upload_id: str, numbers: Sequence[int]) -> None:
    """Forget parts."""
    connection.execute(
        delete(tus_parts).where(
            tus_parts.c.upload_id == upload_id, tus_parts.c.part_number.in_(numbers)
        )
    )


def parts_of(connection: Connection, upload_id: str) -> list[PartInfo]:
    """Every recorded part, by number."""
    rows = connection.execute(
        select(tus_parts.c.part_number, tus_parts.c.size, tus_parts.c.etag)
        .where(tus_parts.c.upload_id == upload_id)
        .order_by(tus_parts.c.part_number)
    )
    return [PartInfo(row.part_number, row.size, row.etag) for row in rows]


def pieces_of(connection: Connection, final_id: str) -> list[TusUpload]:
    """The partial uploads of a final one, in order, repeated ones repeated."""
    rows = connection.execute(
        select(tus_pieces.c.partial_id)
        .where(tus_pieces.c.final_id == final_id)
        .order_by(tus_pieces.c.position)
    )
    ids = [row.partial_id for row in rows]
    found = {piece: find(connection, piece) for piece in dict.fromkeys(ids)}
    return [found[piece] for piece in ids]


def finals_of(connection: Connection, partial_id: str) -> list[str]:
    """Final uploads that wait for a partial one."""
    return [row.final_id for row in connection.execute(_FINALS, {"of_id": partial_id})]


def kept_of_pieces(connection: Connection, final_id: str) -> int:
    """Bytes that the partial uploads of a final one have so far."""
    total = connection.execute(
        select(func.sum(tus_uploads.c.kept_bytes))
        .select_from(tus_pieces)
        .join(tus_uploads, tus_uploads.c.upload_id == tus_pieces.c.partial_id)
        .where(tus_pieces.c.final_id == final_id)
    ).scalar()
    return int(total or 0)


def kept_by_id(connection: Connection, upload_ids: Sequence[str]) -> dict[str, int]:
    """Bytes kept of uploads of this door, as last recorded."""
    rows = connection.execute(
        select(tus_uploads.c.upload_id, tus_uploads.c.kept_bytes).where(
            tus_uploads.c.upload_id.in_(upload_ids)
        )
    )
    return {row.upload_id: row.kept_bytes for row in rows}


def touch(connection: Connection, upload_id: str, expires_at: datetime) -> None:
    """Somebody is at it: it lives longer."""
    _TOUCH.run(connection, {"of_id": upload_id, "expires_at": expires_at})
