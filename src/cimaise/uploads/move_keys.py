"""Files under names of older schemes get keys of today's: copied, the row switched, then deleted.

Every step is written down in ``key_moves`` before it is taken, so a run that dies anywhere is gone
on with by the next one. The rows stay: they are the map from an old name to the file.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import files, key_moves
from cimaise.errors import NotFound, WrongState
from cimaise.library.discarded import Freed, OnFreed, note_discarded
from cimaise.library.erasing import abort_unnamed
from cimaise.storage.base import ObjectInfo, Storage
from cimaise.storage.keys import is_todays_key, object_key

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class KeyMoves:
    """What a run did: files that have new keys, and those whose bytes are not there."""

    moved: Freed
    missing: tuple[str, ...]


class KeyMover:
    """Renames what older schemes left."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock
        self._new_id = new_id

    async def count(self) -> Freed:
        """Files that have to be moved, and their bytes."""
        found = Freed()
        async for row in self._old():
            found += Freed(1, row.size)
        return found

    async def run(self, *, on_moved: OnFreed | None = None) -> KeyMoves:
        """Move everything; may be killed anywhere and run again, also beside a server.

        Raises:
            WrongState: The storage cannot take over what has another name.
            Unavailable: The database or the storage is away.
        """
        await self._finish_earlier()
        moved, missing = Freed(), []
        async for row in self._old():
            try:
                await self._move(row)
            except NotFound:
                missing.append(row.id)
                continue
            done = Freed(1, row.size)
            moved += done
            if on_moved is not None:
                on_moved(done)
        return KeyMoves(moved, tuple(missing))

    async def _old(self) -> AsyncIterator[Row[Any]]:
        """Files whose key is not of today's scheme, by key; a page is held at a time."""
        after = ""
        while page := await self._database.read(partial(_page, after=after)):
            after = page[-1].storage_key
            for row in page:
                if not is_todays_key(row.storage_key):
                    yield row

    async def _move(self, row: Row[Any]) -> None:
        if self._storage.foreign is None:
            raise WrongState("This storage cannot take over objects with other names.")
        new_key = await self._database.write(partial(self._record, row=row))
        await abort_unnamed(self._storage, {new_key})  # of a copy in parts that died
        info = await self._storage.foreign.adopt(row.storage_key, new_key)
        if info.size != row.size:
            raise WrongState(f"{row.storage_key} has {info.size} bytes instead of {row.size}.")
        if await self._database.write(partial(self._switch, row=row, info=info)):
            await self._drop_old(row.storage_key)

    def _record(self, connection: Connection, *, row: Row[Any]) -> str:
        """The new key, of an earlier run or made now; written down before anything lies there."""
        known = connection.execute(
            select(key_moves.c.new_key).where(key_moves.c.old_key == row.storage_key)
        ).scalar()
        if known is not None:
            return str(known)
        new_key = object_key(self._new_id)
        values = {"old_key": row.storage_key, "new_key": new_key, "file_id": row.id}
        connection.execute(
            insert(key_moves).values(state="copying", recorded_at=self._clock(), **values)
        )
        return new_key

    def _switch(self, connection: Connection, *, row: Row[Any], info: ObjectInfo) -> bool:
        """The file has its bytes under the new key; False where it was deleted meanwhile."""
        now = self._clock()
        switched = connection.execute(
            update(files)
            .where(files.c.id == row.id, files.c.storage_key == row.storage_key)
            .values(storage_key=info.key, storage_etag=info.etag)
        ).rowcount
        state = "switched" if switched else "dropped"
        connection.execute(
            update(key_moves).where(key_moves.c.old_key == row.storage_key).values(state=state)
        )
        if not switched:
            note_discarded(connection, [info.key], not_before=now, reason="file deleted")
            return False
        record(
            connection, at=now, account_id=None, action="file.key_moved", subject=row.id,
            details={"size": row.size},
        )  # fmt: skip
        return True

    async def _drop_old(self, old_key: str) -> None:
        assert self._storage.foreign is not None
        await self._storage.foreign.drop(old_key)

        def work(connection: Connection) -> None:
            connection.execute(
                update(key_moves).where(key_moves.c.old_key == old_key).values(state="done")
            )

        await self._database.write(work)

    async def _finish_earlier(self) -> None:
        """Old names that a run which died had no time to drop, and copies of deleted files."""
        for row in await self._database.read(_unfinished):
            if row.state == "switched":
                await self._drop_old(row.old_key)
            elif row.is_gone:
                await abort_unnamed(self._storage, {row.new_key})
                await self._database.write(partial(self._give_up, row=row))

    def _give_up(self, connection: Connection, *, row: Row[Any]) -> None:
        note_discarded(connection, [row.new_key], not_before=self._clock(), reason="file deleted")
        connection.execute(
            update(key_moves).where(key_moves.c.old_key == row.old_key).values(state="dropped")
        )


def _page(connection: Connection, *, after: str) -> list[Any]:
    rows = connection.execute(
        select(files.c.id, files.c.storage_key, files.c.size)
        .where(files.c.storage_key > after)
        .order_by(files.c.storage_key)
        .limit(_PAGE)
    )
    return list(rows)


def _unfinished(connection: Connection) -> list[Row[Any]]:
    joined = key_moves.outerjoin(files, files.c.storage_key == key_moves.c.old_key)
    rows = connection.execute(
        select(key_moves, files.c.id.is_(None).label("is_gone"))
        .select_from(joined)
        .where(key_moves.c.state.in_(["copying", "switched"]))
    )
    return [*rows.all()]
