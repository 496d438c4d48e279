"""Which files have a content, and which a take-down removed."""

from typing import Any

from sqlalchemy import Connection, Row, Table, select, update

from cimaise.database.schema import files, takedown_files, uploads
from cimaise.errors import NotFound


def published(connection: Connection, file_id: str) -> Row[Any]:
    """A file that has bytes with us; ``NotFound``."""
    row = connection.execute(
        select(files).where(files.c.id == file_id, files.c.deleted_at.is_(None))
    ).first()
    if row is None:
        raise NotFound("There is no such file.")
    if row.storage_key is None:
        raise NotFound("This file has no bytes here.", code="file_missing")
    return row


def with_content(connection: Connection, digest: str) -> list[Row[Any]]:
    """Files that are seen and have this SHA-256 (hex)."""
    return list(
        connection.execute(
            select(files).where(
                files.c.sha256 == digest,
                files.c.storage_key.is_not(None),
                files.c.deleted_at.is_(None),
                files.c.taken_down_at.is_(None),
            )
        )
    )


def unknown_digests(connection: Connection, size: int) -> list[tuple[Table, str, str]]:
    """What has this size and no digest yet: its table, its id, and where its bytes are.

    Files, of which deleted ones may be brought back; and uploads that wait for their publication.
    """
    is_kept = {files: files.c.storage_key.is_not(None), uploads: uploads.c.state == "uploaded"}
    return [
        (table, row.id, row.storage_key)
        for table, condition in is_kept.items()
        for row in connection.execute(
            select(table.c.id, table.c.storage_key).where(
                table.c.size == size, table.c.sha256.is_(None), condition
            )
        )
    ]


def keep_digest(connection: Connection, *, table: Table, row_id: str, digest: str) -> None:
    """Write down what was read from the bytes, of a file or an upload."""
    connection.execute(update(table).where(table.c.id == row_id).values(sha256=digest))


def former_keys(connection: Connection, *, takedown_id: str) -> list[str]:
    """Where the bytes were published from."""
    return list(
        connection.execute(
            select(takedown_files.c.former_key).where(takedown_files.c.takedown_id == takedown_id)
        ).scalars()
    )


def removed_by(connection: Connection, takedown_id: str) -> list[Row[Any]]:
    """Files of a take-down that nobody has deleted since."""
    joined = files.join(takedown_files, takedown_files.c.file_id == files.c.id)
    return list(
        connection.execute(
            select(files)
            .select_from(joined)
            .where(takedown_files.c.takedown_id == takedown_id, files.c.deleted_at.is_(None))
        )
    )
