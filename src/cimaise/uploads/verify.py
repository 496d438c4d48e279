"""The last step of every door: the bytes are joined and looked at, the quota is settled.

Nothing that a client said is believed here. What can be mended leaves the session as it was;
what cannot ends it, and no byte stays.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakValueDictionary

from sqlalchemy import Connection

from cimaise.errors import Invalid, TypeNotAllowed, Unavailable, WrongState
from cimaise.storage.base import ObjectInfo
from cimaise.uploads import session as sessions
from cimaise.uploads.completion import assemble
from cimaise.uploads.hashing import has_to_be_hashed
from cimaise.uploads.inspect import Inspection, PictureReader, inspect_object, open_places
from cimaise.uploads.living import back_to_pending, find_session, reject
from cimaise.uploads.publish import Caption, publishes_at_once
from cimaise.uploads.session import State, UploadSession, shown_state
from cimaise.uploads.settle import settle
from cimaise.uploads.stores import Stores
from cimaise.uploads.welcome import collection_now

_DONE: Final = (State.UPLOADED, State.PUBLISHED)
_MENDABLE: Final = frozenset({"parts_required", "invalid"})
"""Refusals of the list of parts, not of the bytes."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Completes sessions."""

    stores: Stores
    read_picture: PictureReader
    whole_at_once: asyncio.Semaphore = field(default_factory=open_places)
    locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def complete(
        self, session: UploadSession, claimed: Mapping[int, str] | None
    ) -> UploadSession:
        """Bring a living session to ``uploaded`` (by policy ``published``), and give it.

        Safe to run twice at once and after a crash: of two processes that are at it the later
        one fences the earlier one off, and only one settles. Shield it from cancellation, or what it had begun is
        finished by the next call.
        """
        lock = self.locks.setdefault(session.id, asyncio.Lock())
        async with lock:  # in this process they take turns; across processes the number fences
            current = await find_session(self.stores, session.id)
            if current.state in _DONE:
                return current
            return await self._verify(await self._claim(current), claimed)

    async def _claim(self, session: UploadSession) -> UploadSession:
        claimed = await self.stores.database.write(
            lambda connection: sessions.claim(connection, session, now=self.stores.clock())
        )
        if not claimed:
            raise _busy()
        return replace(session, state=State.COMPLETING, attempt=session.attempt + 1)

    async def _verify(
        self, session: UploadSession, claimed: Mapping[int, str] | None
    ) -> UploadSession:
        try:
            info = await assemble(self.stores.storage, session, claimed)
            inspection = await self._inspect(session, info)
            return await self._settle(session, inspection, info.key)
        except (Invalid, TypeNotAllowed) as refusal:
            if refusal.field == "parts" and refusal.code in _MENDABLE:
                await back_to_pending(self.stores, session)
            else:
                await reject(self.stores, session, refusal)
            raise
        except Exception:
            await back_to_pending(self.stores, session)
            raise

    async def _inspect(self, session: UploadSession, info: ObjectInfo) -> Inspection:
        return await inspect_object(
            self.stores.storage,
            info.key,
            filename=session.filename,
            declared_type=session.declared_type,
            declared_sha256=session.declared_sha256,
            hash_all=await has_to_be_hashed(self.stores, info.size),
            read_header=self.read_picture,
            whole_at_once=self.whole_at_once,
        )

    async def _settle(
        self, session: UploadSession, inspection: Inspection, key: str
    ) -> UploadSession:
        """The one transaction that makes a session complete, and by policy a file."""

        def work(connection: Connection) -> None:
            collection = collection_now(connection, session, now=self.stores.clock())
            at_once = publishes_at_once(collection.policy.publish, session.door)
            settle(
                connection,
                session,
                inspection,
                collection,
                key=key,
                caption=Caption() if at_once else None,
                now=self.stores.clock(),
                new_id=self.stores.new_id,
            )

        await self.stores.database.write(work)
        return await self._outcome(session)

    async def _outcome(self, session: UploadSession) -> UploadSession:
        """What became of it, whoever did it; an ended session is an error here."""
        now = await find_session(self.stores, session.id)
        if now.state is State.COMPLETING:
            raise _busy()
        if now.state not in _DONE:
            raise WrongState(f"The upload is {shown_state(now)}.")
        return now


def _busy() -> Unavailable:
    """Another process is at it: its answer will be the same, a moment later."""
    return Unavailable("Another request completes this upload.", code="busy", retry_after_s=1)
