"""Making a backup beside a running server, and making an installation of one."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

from cimaise.backup.manifest import FORMAT, ROWS, Manifest, read_manifest, write_manifest
from cimaise.backup.objects import (
    Named,
    Progress,
    copy_in,
    copy_out,
    named_objects,
    note_etags,
)
from cimaise.backup.rows import read_rows, write_rows
from cimaise.database.engine import Database
from cimaise.database.migrate import current_revision, migrate
from cimaise.database.schema import accounts, audit
from cimaise.errors import Invalid, WrongState
from cimaise.storage.base import Storage

DELETING: Final = "job:discarded-objects"
"""The lease of the job that deletes objects: while a backup holds it, nothing goes."""


async def back_up(
    database: Database,
    storage: Storage,
    folder: Path,
    *,
    now: Callable[[], datetime],
    progress: Progress = lambda _done, _all: None,
) -> Manifest:
    """Write a backup; whoever calls holds the lease :data:`DELETING`.

    The rows are those of one moment. Objects never change, and none that a row of that moment
    names is deleted meanwhile; so both belong together. A folder that holds an older backup is
    brought up to date: only new objects are read.

    Raises:
        Invalid, NotFound: An object is missing or damaged; the older backup is still whole.
    """
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    draft = folder / f"{ROWS}.new"
    made_at = now()

    def work(connection: Connection) -> tuple[str, dict[str, int], list[Named]]:
        if connection.dialect.name == "postgresql":
            connection.execute(text("set transaction isolation level repeatable read"))
        with draft.open("wb") as file:
            counts = write_rows(connection, file)
        return current_revision(connection) or "", counts, named_objects(connection)

    revision, counts, named = await database.read(work)
    kept = await copy_out(storage, named, folder, progress)
    draft.replace(folder / ROWS)
    manifest = Manifest(FORMAT, made_at, revision, _digest(folder / ROWS), counts, kept)
    write_manifest(folder, manifest)
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def restore(
    database: Database,
    storage: Storage,
    folder: Path,
    *,
    progress: Progress = lambda _done, _all: None,
) -> Manifest:
    """Fill an empty installation from a backup. The bytes first: a row never names what is absent.

    Raises:
        Invalid: The folder holds no backup, or a part of it is damaged.
        WrongState: The database is in use.
    """
    manifest = read_manifest(folder)
    if _digest(folder / ROWS) != manifest.rows_sha256:
        raise Invalid("The rows of the backup are damaged.", code="checksum_mismatch")
    await database.read(_require_empty)
    etags = await copy_in(storage, manifest.objects, folder, progress)
    migrate(database, to=manifest.revision)

    def work(connection: Connection) -> None:
        with (folder / ROWS).open("rb") as file:
            if read_rows(connection, file) != manifest.rows:
                raise Invalid("The backup does not hold the rows that it says.")

    await database.write(work)
    migrate(database)
    await database.write(lambda connection: note_etags(connection, etags))
    return manifest


def _require_empty(connection: Connection) -> None:
    """``WrongState`` where a server has been started on it."""
    if current_revision(connection) is None:
        return
    for table in (accounts, audit):
        if connection.execute(table.select().limit(1)).first() is not None:
            raise WrongState("The database is in use: restore into an empty one.")
