"""Bytes that come through the server: the same gate, the same sessions, the same verdict.

A stream is received first (:meth:`Streams.receive`: stored, counted, looked at) and finished
afterwards (:meth:`Streams.finish`: all files of a request in one transaction, or none). Between
the two the rows say ``completing``, so whatever dies in between is found by the clean-up.
"""

import asyncio
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from cimaise import telemetry
from cimaise.access.policy import Principal, require_account, require_contribute
from cimaise.errors import CimaiseError, Invalid, WrongState, is_ours
from cimaise.library.collection_rows import find_collection
from cimaise.library.model import Collection, File
from cimaise.storage.keys import incoming_key, object_key
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.discard import end_and_remove
from cimaise.uploads.flow import Flow
from cimaise.uploads.gate import Admission, admit, admit_any
from cimaise.uploads.hashing import has_to_be_hashed
from cimaise.uploads.inspect import Inspection, PictureReader, inspect_object, open_places
from cimaise.uploads.publish import Caption, check_caption
from cimaise.uploads.session import State, Strategy, UploadSession
from cimaise.uploads.settle import settle
from cimaise.uploads.stores import Stores
from cimaise.uploads.stream_lease import StreamLeases


@dataclass(frozen=True, slots=True)
class Incoming:
    """A stream about to come.

    Attributes:
        door: ``form`` or ``raw``.
        filename: As the sender calls it.
        content_type: As the sender calls it.
        size: Exact bytes where known.
        collection: Where it goes, where that is known already.
        id: Of its session, where one was promised beforehand.
    """

    door: str
    filename: str
    content_type: str | None
    size: int | None = None
    collection: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A stream that is stored and looked at, but not yet anybody's to see."""

    session: UploadSession
    inspection: Inspection


class Streams:
    """Receives and finishes streams."""

    def __init__(
        self,
        stores: Stores,
        read_picture: PictureReader,
        places: asyncio.Semaphore | None = None,
    ) -> None:
        self._stores = stores
        self._read_picture = read_picture
        self._places = places or open_places()
        self.leases = StreamLeases(stores.database, stores.clock)

    async def receive(
        self, principal: Principal, incoming: Incoming, chunks: AsyncIterable[bytes]
    ) -> Received:
        """Store a stream and look at it. Whatever fails or is cancelled leaves nothing.

        Raises:
            NotSignedIn, Forbidden, Invalid, TypeNotAllowed, TooLarge: See the gate; as early as
                the fact is known.
            ClientGone: What ``chunks`` raises.
        """
        require_account(principal)
        session, admission = await self._begin(principal, incoming)
        self.leases.hold(session.id)
        try:
            return await self._store(session, admission, incoming, chunks)
        except BaseException as fault:
            reason = fault.message if isinstance(fault, CimaiseError) else "the transfer broke off"
            await asyncio.shield(self._drop(session, reason, ours=is_ours(fault)))
            raise

    async def _begin(
        self, principal: Principal, incoming: Incoming
    ) -> tuple[UploadSession, Admission]:
        collection = None
        if incoming.collection is not None:
            collection = await self._find(principal, incoming.collection)
        admission = self._admit(principal, collection, incoming)
        session = self._session(principal, collection, incoming, admission)

        def work(connection: Connection) -> None:
            quota.reserve(
                connection,
                principal.account_id,
                size=session.reserved_bytes,
                now=session.created_at,
                defaults=self._stores.settings.quota,
                token_id=session.token_id,
            )
            sessions.add(connection, session)

        await self._stores.database.write(work)
        return session, admission

    async def _find(self, principal: Principal, name: str) -> Collection:
        return await self._stores.database.read(
            lambda connection: find_collection(connection, name, principal)
        )

    def _admit(
        self, principal: Principal, collection: Collection | None, incoming: Incoming
    ) -> Admission:
        uploads = self._stores.settings.uploads
        if collection is None:
            return admit_any(
                filename=incoming.filename, declared_type=incoming.content_type, settings=uploads
            )
        return admit(
            principal,
            collection,
            filename=incoming.filename,
            size=incoming.size,
            declared_type=incoming.content_type,
            settings=uploads,
        )

    def _session(
        self,
        principal: Principal,
        collection: Collection | None,
        incoming: Incoming,
        admission: Admission,
    ) -> UploadSession:
        now = self._stores.clock()
        return UploadSession(
            id=incoming.id or self._stores.new_id(), account_id=principal.account_id,
            collection_id=collection.id if collection else None,
            collection_name=collection.name if collection else None, door=incoming.door,
            strategy=Strategy.STREAM, state=State.COMPLETING, filename=admission.filename,
            declared_size=incoming.size, declared_type=admission.media_type,
            incoming_key=incoming_key(self._stores.new_id()),
            storage_key=object_key(self._stores.new_id()),
            reserved_bytes=incoming.size or 0, reserved_on=quota.day_of(now),
            created_at=now, updated_at=now,
            expires_at=self.leases.until(),
            token_id=principal.token_id,
        )  # fmt: skip

    async def _store(
        self,
        session: UploadSession,
        admission: Admission,
        incoming: Incoming,
        chunks: AsyncIterable[bytes],
    ) -> Received:
        flow = Flow(
            chunks,
            session,
            reserve=partial(self.reserve, session),
            renew=self.leases.renew,
            is_hashed=not self._stores.storage.is_local,
        )
        info = await self._stores.storage.write(
            session.storage_key,
            flow,
            content_type=admission.media_type,
            size=incoming.size,
            max_bytes=admission.max_bytes,
        )
        if info.size == 0:
            raise Invalid("An empty file is not accepted.", field="size")
        reserved = await flow.reserve_rest()
        inspection = await inspect_object(
            self._stores.storage,
            info.key,
            filename=session.filename,
            declared_type=session.declared_type,
            declared_sha256=None,
            hash_all=flow.sha256 is None and await has_to_be_hashed(self._stores, info.size),
            read_header=self._read_picture,
            whole_at_once=self._places,
        )
        if flow.sha256 is not None:
            inspection = replace(inspection, sha256_hex=flow.sha256.hex())
        return Received(replace(session, reserved_bytes=reserved), inspection)

    async def reserve(self, session: UploadSession, held: int, more: int) -> None:
        """Reserve further bytes of a stream; ``TooLarge`` (``quota_exceeded``)."""

        def work(connection: Connection) -> None:
            quota.reserve(
                connection,
                session.account_id,
                size=more,
                now=self._stores.clock(),
                defaults=self._stores.settings.quota,
                files=0,
                day=session.reserved_on,
                token_id=session.token_id,
            )
            if not sessions.note(connection, session, reserved_bytes=held + more):
                raise WrongState("The upload was ended meanwhile.")

        await self._stores.database.write(work)

    async def finish(
        self,
        principal: Principal,
        received: Sequence[Received],
        *,
        collection: str,
        caption: Caption,
        file_id: str | None = None,
    ) -> list[tuple[UploadSession, File | None]]:
        """Settle all files of a request in one transaction, and publish them as policy says.

        Args:
            principal: Who sent them.
            received: The files.
            collection: Where they go.
            caption: For all of them.
            file_id: Of the only file, where one was promised beforehand.

        Raises:
            NotFound: There is no such collection.
            NotSignedIn, Forbidden, TypeNotAllowed, TooLarge, Invalid: It does not want one of
                them; then none stays.
        """
        try:
            check_caption(caption)
            done = await self._stores.database.write(
                lambda connection: self._settle_all(
                    connection,
                    principal,
                    received,
                    name=collection,
                    caption=caption,
                    file_id=file_id,
                )
            )
        except CimaiseError as refusal:
            await self.drop(received, refusal.message, ours=is_ours(refusal))
            raise
        finally:
            for one in received:
                self.leases.let_go(one.session.id)
        return done

    def _settle_all(
        self,
        connection: Connection,
        principal: Principal,
        received: Sequence[Received],
        *,
        name: str,
        caption: Caption,
        file_id: str | None,
    ) -> list[tuple[UploadSession, File | None]]:
        collection = find_collection(connection, name, principal)
        require_contribute(principal, collection.facts)
        at_once = None if collection.policy.publish == "separately" else caption
        done = []
        for one in received:
            self._admit_late(principal, collection, one)
            if one.session.collection_id is None:
                sessions.note(connection, one.session, collection_id=collection.id)
            won, file = settle(
                connection,
                one.session,
                one.inspection,
                collection,
                key=one.session.storage_key,
                caption=at_once,
                now=self._stores.clock(),
                new_id=self._stores.new_id if file_id is None else lambda: file_id,
                keep_until=self._stores.clock()
                + timedelta(seconds=self._stores.settings.uploads.session_ttl),
            )
            if not won:
                raise WrongState("The upload was ended meanwhile.")
            done.append((sessions.find(connection, one.session.id), file))
        return done

    def _admit_late(self, principal: Principal, collection: Collection, one: Received) -> None:
        """What could not be decided before the collection was known."""
        admit(
            principal,
            collection,
            filename=one.session.filename,
            size=one.inspection.size,
            declared_type=None,
            settings=self._stores.settings.uploads,
        )

    async def drop(self, received: Sequence[Received], reason: str, *, ours: bool = False) -> None:
        """Remove streams of a request that came to nothing; nothing stays of them.

        ``ours``: whoever sent them can do nothing for it.
        """
        for one in received:
            await asyncio.shield(self._drop(one.session, reason, ours=ours))

    async def _drop(self, session: UploadSession, reason: str, *, ours: bool) -> None:
        self.leases.let_go(session.id)
        telemetry.log("upload_rejected", upload=session.id, reason=reason)
        current = await self._stores.database.read(
            lambda connection: sessions.find(connection, session.id)
        )
        await end_and_remove(
            self._stores.database,
            self._stores.storage,
            current,
            State.REJECTED,
            now=self._stores.clock(),
            reason=reason,
            is_ours=ours,
        )
