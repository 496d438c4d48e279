"""How a collection is hung: its cover, the order of its files, and files that change walls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from cimaise.access import policy as rights
from cimaise.access.policy import Principal
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import collections, files
from cimaise.errors import Invalid, NotFound
from cimaise.library.acceptance import require_accepted
from cimaise.library.collections import find_collection
from cimaise.library.files import find_file
from cimaise.library.model import Collection, File
from cimaise.library.publication import add_contributor
from cimaise.library.tags import file_tag, note_purge

MOST_PLACED: Final = 10_000
"""Files of a collection whose order is set by hand."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """For whoever manages the collection; of a file also for whoever published it."""

    database: Database
    clock: Callable[[], datetime]

    async def place(self, principal: Principal, name: str, file_ids: Sequence[str]) -> int:
        """Hang the files in this order; all others come behind them, by name.

        Gives how many have a place now. From then on the collection is shown in this order where
        nobody asks for another; an empty list forgets every place.

        Raises:
            Invalid: A file is named twice, is not in the collection, or there are too many.
        """
        if len(file_ids) > MOST_PLACED:
            raise Invalid(f"At most {MOST_PLACED} files have a place.", field="files")
        if len(set(file_ids)) < len(file_ids):
            raise Invalid("A file is named twice.", field="files")

        def work(connection: Connection) -> int:
            found = _managed(connection, name, principal)
            _require_in(connection, found, file_ids)
            _place(connection, found, file_ids)
            values = {"sort": "placed" if file_ids else None, "updated_at": self.clock()}
            connection.execute(
                update(collections).where(collections.c.id == found.id).values(**values)
            )
            return len(file_ids)

        return await self.database.write(work)

    async def move(self, principal: Principal, file_id: str, to: str) -> File:
        """Put a file into another collection, as if it had been published there.

        Raises:
            NotFound: No such file or collection.
            Forbidden: Not this one's file, or not a collection that takes files from this one.
            TypeNotAllowed, TooLarge: The other collection's policy refuses it.
        """

        def work(connection: Connection) -> File:
            file = find_file(connection, file_id, principal)
            rights.require_manage_file(principal, file.collection.facts, owner_id=file.owner_id)
            target = find_collection(connection, to, principal)
            rights.require_contribute(principal, target.facts)
            if file.is_taken_down:
                raise NotFound("There is no such file.")
            require_accepted(
                target.policy,
                filename=file.filename,
                media_type=file.content_type,
                size=file.size,
            )
            if target.id != file.collection.id:
                _move(connection, file, target, principal, self.clock())
            return find_file(connection, file_id, principal)

        return await self.database.write(work)


def _managed(connection: Connection, name: str, principal: Principal) -> Collection:
    found = find_collection(connection, name, principal)
    rights.require_manage(principal, found.facts)
    return found


def _require_in(connection: Connection, found: Collection, file_ids: Sequence[str]) -> None:
    statement = select(files.c.id).where(
        files.c.collection_id == found.id, files.c.deleted_at.is_(None)
    )
    if not set(file_ids) <= set(connection.scalars(statement)):
        raise Invalid("A file is not in the collection.", field="files")


def _place(connection: Connection, found: Collection, file_ids: Sequence[str]) -> None:
    placed = (files.c.collection_id == found.id) & files.c.place.is_not(None)
    connection.execute(update(files).where(placed).values(place=None))
    if file_ids:
        connection.execute(
            update(files).where(files.c.id == bindparam("at")).values(place=bindparam("number")),
            [{"at": one, "number": number} for number, one in enumerate(file_ids, 1)],
        )


def _move(
    connection: Connection, file: File, target: Collection, principal: Principal, now: datetime
) -> None:
    connection.execute(
        update(files).where(files.c.id == file.id).values(collection_id=target.id, place=None)
    )
    for collection, change in ((file.collection, -1), (target, 1)):
        count = collections.c.picture_count + (change if file.is_picture else 0)
        at = update(collections).where(collections.c.id == collection.id)
        connection.execute(at.values(picture_count=count, updated_at=now))
    was_cover = (collections.c.id == file.collection.id) & (collections.c.cover_id == file.id)
    connection.execute(update(collections).where(was_cover).values(cover_id=None))
    add_contributor(connection, target.id, file.owner_id, now)
    note_purge(connection, [file_tag(file.id)], now=now)  # others may see it now, or no longer
    record(
        connection, at=now, account_id=principal.account_id, action="file.moved", subject=file.id,
        details={"from": file.collection.name, "to": target.name},
    )  # fmt: skip
