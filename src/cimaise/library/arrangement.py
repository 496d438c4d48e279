"""How a collection is hung: its cover, the order of its files, and files that change walls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, update

from cimaise.access import policy as rights
from cimaise.access.policy import Principal
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import collections, files
from cimaise.errors import Invalid, NotFound
from cimaise.library.acceptance import require_accepted
from cimaise.library.collection_rows import find_collection
from cimaise.library.files import file_of, find_file, selected_files
from cimaise.library.hanging import in_order, is_shown
from cimaise.library.model import Collection, File
from cimaise.library.publication import add_contributor
from cimaise.library.tags import file_tag, note_purge

MOST_PLACED: Final = 10_000
"""Files of a collection whose order is set by hand."""


@dataclass(frozen=True, slots=True)
class Hung:
    """Some of a collection's pictures, as they hang; ``total`` counts all of them."""

    collection: Collection
    pictures: tuple[File, ...]
    total: int


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
        _require_few(file_ids)
        if len(set(file_ids)) < len(file_ids):
            raise Invalid("A file is named twice.", field="files")

        def work(connection: Connection) -> int:
            found = _managed(connection, name, principal)
            _require_in(connection, found, file_ids)
            _place(connection, found, file_ids)
            self._show_placed(connection, found, "placed" if file_ids else None)
            return len(file_ids)

        return await self.database.write(work)

    async def hung(self, principal: Principal, name: str, *, start: int, limit: int) -> Hung:
        """The pictures from ``start`` on, hidden ones among them, for whoever manages them."""

        def work(connection: Connection) -> Hung:
            found = _managed(connection, name, principal)
            shown = (files.c.collection_id == found.id) & is_shown()
            total = connection.scalar(select(func.count()).select_from(files).where(shown))
            statement = selected_files(principal).where(shown).order_by(*_order(connection, found))
            rows = connection.execute(statement.limit(limit).offset(start))
            return Hung(found, tuple(map(file_of, rows)), total or 0)

        return await self.database.read(work)

    async def shift(self, principal: Principal, name: str, file_id: str, steps: int) -> None:
        """Hang a picture so many places later, or earlier where ``steps`` is negative.

        The ends are ends. From then on the collection is shown as it hangs.

        Raises:
            NotFound: It is no picture of the collection.
            Invalid: More pictures than can have a place.
        """
        await self._hang_again(principal, name, file_id, lambda at, _others: at + steps)

    async def put_beside(
        self, principal: Principal, name: str, file_id: str, other_id: str, *, is_behind: bool
    ) -> None:
        """Hang a picture before another one, or behind it. As :meth:`shift`."""

        def number(_at: int, others: list[str]) -> int:
            if other_id not in others:
                raise NotFound("There is no such picture here.")
            return others.index(other_id) + is_behind

        await self._hang_again(principal, name, file_id, number)

    async def _hang_again(
        self, principal: Principal, name: str, file_id: str, number: Callable[[int, list[str]], int]
    ) -> None:
        """``number`` is given where it hangs and all others, and gives where it shall hang."""

        def work(connection: Connection) -> None:
            found = _managed(connection, name, principal)
            shown = (files.c.collection_id == found.id) & is_shown()
            statement = select(files.c.id).where(shown).order_by(*_order(connection, found))
            ids = list(connection.scalars(statement.limit(MOST_PLACED + 1)))
            if file_id not in ids:
                raise NotFound("There is no such picture here.")
            _require_few(ids)
            at = ids.index(file_id)
            ids.remove(file_id)
            ids.insert(min(max(0, number(at, ids)), len(ids)), file_id)
            _place(connection, found, ids)
            self._show_placed(connection, found)

        await self.database.write(work)

    def _show_placed(
        self, connection: Connection, found: Collection, sort: str | None = "placed"
    ) -> None:
        at = update(collections).where(collections.c.id == found.id)
        connection.execute(at.values(sort=sort, updated_at=self.clock()))

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


def _require_few(file_ids: Sequence[str]) -> None:
    if len(file_ids) > MOST_PLACED:
        raise Invalid(f"At most {MOST_PLACED} files have a place.", field="files")


def _order(connection: Connection, found: Collection) -> list[Any]:
    """As the collection is shown where nobody asks for an order."""
    descending = found.sort not in ("name", "placed")
    return in_order(found.sort, connection.dialect.name, descending=descending)


def _place(connection: Connection, found: Collection, file_ids: Sequence[str]) -> None:
    """Only what changes is written: a picture that moves by one changes two rows."""
    mine = select(files.c.id, files.c.place).where(
        files.c.collection_id == found.id, files.c.place.is_not(None)
    )
    before = {row.id: row.place for row in connection.execute(mine)}
    now: dict[str, int | None] = dict.fromkeys(before)
    now |= {one: number for number, one in enumerate(file_ids, 1)}
    changed = [{"at": one, "number": now[one]} for one in now if now[one] != before.get(one)]
    if changed:
        statement = update(files).where(files.c.id == bindparam("at"))
        connection.execute(statement.values(place=bindparam("number")), changed)


def _move(
    connection: Connection, file: File, target: Collection, principal: Principal, now: datetime
) -> None:
    connection.execute(
        update(files).where(files.c.id == file.id).values(collection_id=target.id, place=None)
    )
    both = ((file.collection, -1), (target, 1))
    for collection, change in sorted(both, key=lambda one: one[0].id):  # one order: no deadlock
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
