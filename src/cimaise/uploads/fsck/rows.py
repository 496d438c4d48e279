"""What the database says of keys. Every function is one step of a transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from cimaise.database.schema import discarded_objects, files, key_moves, tus_uploads, uploads
from cimaise.storage.base import Unfinished
from cimaise.storage.keys import is_valid_id, object_key
from cimaise.uploads.session import LIVING, State

PAGE: Final = 500
"""Keys in one question: below what SQLite takes in one statement."""

_LIVING: Final = [state.value for state in LIVING]


@dataclass(frozen=True, slots=True)
class Kept:
    """A file's row, as far as its bytes go."""

    key: str
    size: int
    file_id: str


def files_after(connection: Connection, key: str) -> list[Kept]:
    """A page of the files that have bytes, by key, after ``key``."""
    rows = connection.execute(
        _kept().where(files.c.storage_key > key).order_by(files.c.storage_key).limit(PAGE)
    )
    return [Kept(row.storage_key, row.size, row.id) for row in rows]


def files_at(connection: Connection, keys: Sequence[str]) -> dict[str, Kept]:
    """The files that have their bytes under these keys."""
    rows = connection.execute(_kept().where(files.c.storage_key.in_(keys)))
    return {row.storage_key: Kept(row.storage_key, row.size, row.id) for row in rows}


def _kept() -> Any:
    return select(files.c.storage_key, files.c.size, files.c.id).where(
        files.c.storage_key.is_not(None)  # of deleted ones as well, as long as they are kept
    )


def known_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of these keys that a file, a living upload or the list of the discarded has."""
    known = set(files_at(connection, keys))
    known |= set(
        connection.execute(
            select(discarded_objects.c.storage_key).where(discarded_objects.c.storage_key.in_(keys))
        ).scalars()
    )
    moving = select(key_moves.c.old_key, key_moves.c.new_key).where(
        key_moves.c.state.in_(["copying", "switched"]),
        or_(key_moves.c.old_key.in_(keys), key_moves.c.new_key.in_(keys)),
    )
    known |= {key for row in connection.execute(moving) for key in row}
    return known | _of_living(connection, [key for key in keys if key not in known])


def _of_living(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those that a living upload may have bytes under; also where an attempt moves them."""
    bases = {key: _base(key) for key in keys}
    wanted = {*keys, *(base for base in bases.values() if base is not None)}
    rows = connection.execute(
        select(uploads.c.incoming_key, uploads.c.storage_key, tus_uploads.c.tail_key)
        .outerjoin(tus_uploads, tus_uploads.c.upload_id == uploads.c.id)
        .where(
            uploads.c.state.in_(_LIVING),
            or_(
                uploads.c.incoming_key.in_(wanted),
                uploads.c.storage_key.in_(wanted),
                tus_uploads.c.tail_key.in_(keys),
            ),
        )
    ).all()
    whole = {key for row in rows for key in row if key is not None}
    moved = {row.storage_key for row in rows}
    return {key for key in keys if key in whole or bases[key] in moved}


def _base(key: str) -> str | None:
    """The key that an attempt's is made of; see :meth:`UploadSession.attempt_key`."""
    name, dash, number = key.rpartition("/")[2].rpartition("-")
    return object_key(name) if dash and number.isdigit() and is_valid_id(name) else None


def known_parts(connection: Connection, found: Iterable[Unfinished]) -> set[str]:
    """Ids of those uploads in parts that a living session or the list of the discarded has."""
    by_id = {one.upload_id: one.key for one in found}
    keys = list(by_id.values())
    named = select(uploads.c.storage_upload_id).where(
        uploads.c.state.in_(_LIVING), uploads.c.storage_upload_id.in_(by_id)
    )
    known = {upload_id for upload_id in connection.execute(named).scalars() if upload_id}
    waiting = select(discarded_objects.c.storage_key).where(
        discarded_objects.c.storage_key.in_(keys)
    )
    at = set(connection.execute(waiting).scalars()) | _of_living(connection, keys)
    return known | {upload_id for upload_id, key in by_id.items() if key in at}


def uploaded_after(connection: Connection, upload_id: str) -> list[tuple[str, str, int]]:
    """A page of complete uploads that are no files yet: id, key and size, by id."""
    rows = connection.execute(
        select(uploads.c.id, uploads.c.storage_key, uploads.c.size)
        .where(
            uploads.c.state == State.UPLOADED.value, uploads.c.size > 0, uploads.c.id > upload_id
        )
        .order_by(uploads.c.id)
        .limit(PAGE)
    )
    return [(row.id, row.storage_key, row.size) for row in rows]
