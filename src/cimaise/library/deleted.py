"""Deleted files that are still kept, so that a delete can be undone for a number of days.

The record stays with its key and the time of the delete; everything that shows files asks for
records without that time. Until the bytes are given up they count as stored, for they are: so
nobody can keep more than their quota by deleting it.
"""

import builtins
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from cimaise.access import policy as rights
from cimaise.access.policy import GUEST, Principal
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import files
from cimaise.errors import NotFound
from cimaise.library.discarded import Freed
from cimaise.library.files import file_of, selected_files
from cimaise.library.giving_up import give_up
from cimaise.library.model import File
from cimaise.library.publication import note_change
from cimaise.library.tags import file_tag, note_purge
from cimaise.library.takedowns.blocked import require_not_blocked

MOST: Final = 1000
"""So many are listed, the last deleted ones first."""

_BATCH: Final = 200
_KEPT: Final = files.c.deleted_at.is_not(None) & files.c.storage_key.is_not(None)


@dataclass(frozen=True, slots=True)
class DeletedFile:
    """A file that can still be brought back.

    Attributes:
        file: As it was.
        deleted_at: Since when nobody sees it.
        until: When its bytes are given up.
    """

    file: File
    deleted_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Deleted:
    """Lists, brings back and gives up what was deleted.

    Attributes:
        database: Where records are.
        clock: The time, aware UTC.
        keep: How long deleted files are kept; zero: not at all.
    """

    database: Database
    clock: Callable[[], datetime]
    keep: timedelta

    async def list(
        self, principal: Principal, *, of_all: bool = False
    ) -> builtins.list[DeletedFile]:
        """The principal's own, or everybody's for administrators; the last deleted first."""
        rights.require_account(principal)
        if of_all:
            rights.require_admin(principal)
        wanted = selected_files(principal).where(_KEPT)
        if not of_all:
            wanted = wanted.where(files.c.owner_id == principal.account_id)
        newest = wanted.order_by(files.c.deleted_at.desc(), files.c.id).limit(MOST)
        rows = await self.database.read(lambda connection: connection.execute(newest).all())
        return [self._deleted(row) for row in rows]

    def _deleted(self, row: Row[Any]) -> DeletedFile:
        return DeletedFile(file_of(row), row.deleted_at, row.deleted_at + self.keep)

    async def restore(self, principal: Principal, file_id: str) -> File:
        """Bring a file back as it was, at its old addresses; its links work again.

        Raises:
            NotFound: It is not among the deleted, or its time is over.
            NotSignedIn, Forbidden: Not by this one: see :func:`policy.require_manage_file`.
            TakenDown: Its content was removed for legal reasons meanwhile.
        """
        now = self.clock()

        def work(connection: Connection) -> File:
            file = _find(connection, principal, file_id)
            require_not_blocked(connection, file.sha256, file.size)
            back = update(files).where(files.c.id == file.id, _KEPT).values(deleted_at=None)
            if not connection.execute(back).rowcount:
                raise NotFound("There is no such deleted file.")
            note_change(connection, file, pictures=1, now=now)
            _audit(connection, principal, "file.restored", file, now=now)
            return file

        return await self.database.write(work)

    async def purge(self, principal: Principal, file_id: str) -> None:
        """Give its bytes up now, for good. Errors as for :meth:`restore`."""
        now = self.clock()

        def work(connection: Connection) -> None:
            file = _find(connection, principal, file_id)
            if give_up(connection, file.id, file.storage_key or "", now=now):
                _audit(connection, principal, "file.purged", file, now=now)

        await self.database.write(work)


def _find(connection: Connection, principal: Principal, file_id: str) -> File:
    row = connection.execute(selected_files(principal).where(files.c.id == file_id, _KEPT)).first()
    if row is None:
        raise NotFound("There is no such deleted file.")
    file = file_of(row)
    rights.require_manage_file(principal, file.collection.facts, owner_id=file.owner_id)
    return file


def _audit(
    connection: Connection, principal: Principal, action: str, file: File, *, now: datetime
) -> None:
    details = {"collection": file.collection.name, "size": file.size}
    record(
        connection, at=now, account_id=principal.account_id or None, action=action,
        subject=file.id, details=details,
    )  # fmt: skip
    note_purge(connection, [file_tag(file.id)], now=now)


async def count_overdue(database: Database, keep: timedelta, now: datetime) -> Freed:
    """What :func:`purge_deleted` would give up, and the bytes that this frees."""
    counted = select(func.count(), func.sum(files.c.size)).where(
        _KEPT, files.c.deleted_at <= now - keep
    )
    count, size = await database.read(lambda connection: connection.execute(counted).one())
    return Freed(count, int(size or 0))


async def purge_deleted(database: Database, keep: timedelta, now: datetime) -> int:
    """Give up the bytes of whatever was deleted longer ago than it is kept; gives how many."""
    purged = 0
    while done := await database.write(partial(_purge_batch, before=now - keep, now=now)):
        purged += done
    return purged


def _purge_batch(connection: Connection, *, before: datetime, now: datetime) -> int:
    wanted = selected_files(GUEST).where(_KEPT, files.c.deleted_at <= before).limit(_BATCH)
    found = [file_of(row) for row in connection.execute(wanted).all()]
    for file in found:
        give_up(connection, file.id, file.storage_key or "", now=now)
        _audit(connection, GUEST, "file.purged", file, now=now)
    return len(found)


def forget_deleted(connection: Connection, file_id: str, *, now: datetime) -> bool:
    """A deleted file whose bytes are missing: nothing can bring it back. False: it is not deleted."""
    row = connection.execute(selected_files(GUEST).where(files.c.id == file_id, _KEPT)).first()
    return row is not None and give_up(connection, file_id, row.storage_key, now=now)
