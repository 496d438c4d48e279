"""Removing what the law forbids, keeping it out, and bringing it back where that was wrong.

A take-down is of content: every published file with the same bytes goes, and no door takes them
again. The record, the files' disappearance and the line in the audit log are one transaction.
After it every address of the file answers 451, whatever link or cache led there. Then the bytes
get another key, which nobody was ever told, so that signed URLs given out before open nothing.
They are kept unseen for the hold time, in which a counter-notice may come and the operator may
restore them, and are deleted after it.
"""

import builtins
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select

from cimaise.access import policy as rights
from cimaise.access.policy import Principal
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import files, takedown_files, takedowns
from cimaise.errors import Forbidden, Invalid, NotFound, WrongState
from cimaise.library.takedowns.content import (
    former_keys,
    keep_digest,
    published,
    removed_by,
    unknown_digests,
    with_content,
)
from cimaise.library.takedowns.held import hold_bytes
from cimaise.library.takedowns.rows import (
    OPEN,
    Notice,
    Objection,
    Takedown,
    TakedownState,
    add_objection,
    advance,
    as_seen_by,
    find_takedown,
    hide,
    list_takedowns,
    list_takedowns_of,
    unhide,
)
from cimaise.storage.base import Storage
from cimaise.storage.keys import object_key

MAX_TEXT: Final = 10_000
_MAX_LISTED: Final = 1000
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
Purge = Callable[[str], Awaitable[None]]


class Takedowns:
    """What administrators may do, and whoever published a file.

    Args:
        database: Where they are recorded.
        storage: Where the bytes are.
        clock: The time, aware UTC.
        new_id: Ids that nobody can guess.
        hold: How long bytes are kept.
        purge: Removes from caches what was made of the object at a key; on every machine, soon.
    """

    def __init__(
        self,
        *,
        database: Database,
        storage: Storage,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        hold: timedelta,
        purge: Purge,
    ) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock
        self._new_id = new_id
        self._hold = hold
        self._purge = purge

    async def take_down_file(
        self, principal: Principal | None, file_id: str, notice: Notice
    ) -> Takedown:
        """Remove a file and every other one of the same content.

        Args:
            principal: An administrator; ``None`` for the operator at the machine.
            file_id: Which.
            notice: Why.

        Raises:
            NotFound: There is no such file, or it has no bytes with us.
            Invalid: No reason, or a text that is too long.
            WrongState: It is taken down already.
        """
        _require_admin(principal)
        row = await self._database.read(lambda connection: published(connection, file_id))
        if row.taken_down_at is not None:
            raise WrongState("This file is taken down already.")
        digest = row.sha256 or await self._digest(row.storage_key)
        if row.sha256 is None:
            await self._database.write(
                partial(keep_digest, table=files, row_id=file_id, digest=digest)
            )
        return await self.take_down_content(principal, digest, notice, size=row.size)

    async def take_down_content(
        self, principal: Principal | None, digest: str, notice: Notice, *, size: int | None = None
    ) -> Takedown:
        """Remove every file with this SHA-256 (hex), and keep the content out.

        ``size`` in bytes has to be said where nothing of this content is published. Asked again
        for content that is out, it gives the first take-down, with what came in besides.
        """
        _require_admin(principal)
        _require_texts(digest, notice)
        by = principal.account_id if principal is not None else None
        if size is not None:
            await self._learn_digests(size)

        def work(connection: Connection) -> Takedown:
            rows = with_content(connection, digest)
            known = size if size is not None else next((row.size for row in rows), None)
            made = _open_takedown(connection, digest) or self._record(
                connection, digest, known, notice, by=by
            )
            self._hide(connection, made, rows)
            return find_takedown(connection, made)

        takedown = await self._database.write(work)
        if await self._learn_digests(takedown.size):  # what came in meanwhile; nothing will now
            takedown = await self._database.write(work)
        for key in await self._database.read(partial(former_keys, takedown_id=takedown.id)):
            await self._purge(key)
        await hold_bytes(self._database, self._storage)
        return takedown

    async def _learn_digests(self, size: int) -> int:
        """Read what may be the same content, where nobody has asked for its digest yet."""
        learned = 0
        found = await self._database.read(partial(unknown_digests, size=size))
        for table, row_id, storage_key in found:
            try:
                digest = await self._digest(storage_key)
            except NotFound:  # its bytes are lost, or go just now: nothing of it can be shown
                continue
            note = partial(keep_digest, table=table, row_id=row_id, digest=digest)
            await self._database.write(note)
            learned += 1
        return learned

    def _record(
        self,
        connection: Connection,
        digest: str,
        size: int | None,
        notice: Notice,
        *,
        by: str | None,
    ) -> str:
        """A new take-down's row and its line in the audit log; gives its id."""
        if size is None:
            raise Invalid("Nothing of this content is here: say its size.", field="size")
        now, takedown_id = self._clock(), self._new_id()
        connection.execute(
            insert(takedowns).values(
                id=takedown_id, sha256=digest, size=size, state=TakedownState.HELD.value,
                reason=notice.reason, reference=notice.reference, made_by=by, made_at=now,
                hold_until=now + self._hold,
            )
        )  # fmt: skip
        record(
            connection, at=now, account_id=by, action="takedown.made", subject=takedown_id,
            details={"sha256": digest, "reason": notice.reason, "reference": notice.reference},
        )  # fmt: skip
        return takedown_id

    def _hide(self, connection: Connection, takedown_id: str, rows: Sequence[Row[Any]]) -> None:
        hide(connection, rows, self._clock())
        for row in rows:
            connection.execute(
                insert(takedown_files).values(
                    takedown_id=takedown_id,
                    file_id=row.id,
                    owner_id=row.owner_id,
                    former_key=row.storage_key,
                    held_key=object_key(self._new_id),
                )
            )

    async def counter(self, principal: Principal, takedown_id: str, statement: str) -> Takedown:
        """Object, as somebody whose file it was; each of them may, once. The operator decides.

        Gives what the caller may see of it, as :meth:`list_own` does.

        Raises:
            NotFound, NotSignedIn, Forbidden: No such take-down, or not of the caller's files.
            Invalid: No statement.
            WrongState: The caller has objected already, or it has ended.
        """
        rights.require_account(principal)
        if not statement.strip() or len(statement) > MAX_TEXT:
            raise Invalid("Say why the file may stay.", field="statement")

        def work(connection: Connection) -> Takedown:
            takedown = find_takedown(connection, takedown_id)
            _require_owner(connection, principal, takedown)
            objection = Objection(principal.account_id, statement, self._clock())
            add_objection(connection, takedown, objection)
            countered = find_takedown(connection, takedown_id)
            return as_seen_by(principal.account_id, countered, connection)

        return await self._database.write(work)

    async def restore(
        self, principal: Principal | None, takedown_id: str, *, reason: str
    ) -> Takedown:
        """Bring the files back and let the content in again, within the hold time.

        Raises:
            WrongState: It has ended: restored already, or the bytes are gone.
        """
        _require_admin(principal)
        by = principal.account_id if principal is not None else None

        def work(connection: Connection) -> Takedown:
            takedown = find_takedown(connection, takedown_id)
            now = self._clock()
            advance(
                connection, takedown, TakedownState.RESTORED, by=by, now=now, why=reason,
                ended_at=now,
            )  # fmt: skip
            unhide(connection, removed_by(connection, takedown_id), now)
            return find_takedown(connection, takedown_id)

        return await self._database.write(work)

    async def list(
        self, principal: Principal | None, *, state: TakedownState | None = None,
        limit: int = _MAX_LISTED,
    ) -> list[Takedown]:  # fmt: skip
        """The newest first."""
        _require_admin(principal)
        return await self._database.read(
            lambda connection: list_takedowns(connection, state=state, limit=limit)
        )

    async def list_own(self, principal: Principal) -> builtins.list[Takedown]:
        """Those that removed the caller's files, the newest first; of others' files nothing."""
        rights.require_account(principal)
        return await self._database.read(
            lambda connection: list_takedowns_of(
                connection, principal.account_id, limit=_MAX_LISTED
            )
        )

    async def _digest(self, storage_key: str) -> str:
        """SHA-256 of stored bytes whose digest nobody had asked for."""
        digest = sha256()
        async with self._storage.open(storage_key) as reading:
            async for chunk in reading.chunks:
                digest.update(chunk)
        return digest.hexdigest()


def _open_takedown(connection: Connection, digest: str) -> str | None:
    """The take-down of a content that is out already."""
    found: str | None = connection.execute(
        select(takedowns.c.id).where(takedowns.c.sha256 == digest, takedowns.c.state.in_(OPEN))
    ).scalar()
    return found


def _require_owner(connection: Connection, principal: Principal, takedown: Takedown) -> None:
    """``Forbidden`` for whoever has none of its files."""
    mine = select(takedown_files.c.file_id).where(
        takedown_files.c.takedown_id == takedown.id,
        takedown_files.c.owner_id == principal.account_id,
    )
    if not principal.is_admin and connection.execute(mine).first() is None:
        raise Forbidden("None of your files was taken down by this.")


def _require_admin(principal: Principal | None) -> None:
    if principal is not None:
        rights.require_admin(principal)


def _require_texts(digest: str, notice: Notice) -> None:
    if not _DIGEST.fullmatch(digest):
        raise Invalid("A SHA-256 is 64 hexadecimal digits.", field="sha256")
    if not notice.reason.strip() or len(notice.reason) > MAX_TEXT:
        raise Invalid("Say why.", field="reason")
    if len(notice.reference or "") > MAX_TEXT:
        raise Invalid(f"A reference has at most {MAX_TEXT} characters.", field="reference")
