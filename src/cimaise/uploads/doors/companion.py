"""The door for Uppy's ``@uppy/aws-s3`` in parts: what it asks of a Companion, answered by sessions.

The ids are the sessions' own. The storage's multipart upload behind one may be lost and begun anew;
the client then sends its parts again, under the id that it remembers.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from cimaise.access import policy as rights
from cimaise.access.policy import Principal
from cimaise.errors import (
    CimaiseError,
    Invalid,
    Limit,
    NotFound,
    TooLarge,
    TypeNotAllowed,
    WrongState,
)
from cimaise.library.collection_rows import collection_named, find_collection
from cimaise.library.model import Collection
from cimaise.storage.base import Multipart, PartInfo
from cimaise.storage.keys import object_key
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.companion.plan import (
    MAX_PART_BYTES,
    likely_part_size,
    plan_of,
    planned,
    remembered_parts,
    require_part_numbers,
    told_size,
    whole_parts,
)
from cimaise.uploads.companion.room import Room
from cimaise.uploads.gate import Admission, admit
from cimaise.uploads.living import (
    end_session,
    find_session,
    give_up_beginning,
    require_living,
    require_owner,
)
from cimaise.uploads.plan import LEAST_PART_BYTES
from cimaise.uploads.session import ENDED, State, Strategy, UploadSession, shown_state
from cimaise.uploads.stores import Stores
from cimaise.uploads.verify import Verifier

DOOR: Final = "companion"
_DONE: Final = (State.UPLOADED, State.PUBLISHED)
_LEAST_LIFE: Final = timedelta(seconds=2)  # signatures count whole seconds


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants to send.

    Attributes:
        collection: Where to.
        filename: As the sender calls it.
        content_type: As the sender calls it, if it does.
        size: Bytes, where the page put them into the file's metadata.
    """

    collection: str
    filename: str
    content_type: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class SignedParts:
    """URLs by part number, and for how many seconds they are good."""

    urls: Mapping[int, str]
    expires_in_s: int


class CompanionUploads:
    """Sessions whose parts Uppy sends to signed URLs."""

    def __init__(self, stores: Stores, verifier: Verifier) -> None:
        self._stores = stores
        self._verifier = verifier
        self._room = Room(stores.database, stores.storage, stores.settings.quota, stores.clock)

    async def create(self, principal: Principal, wish: Wish) -> UploadSession:
        """Admit, reserve what is known, record, and begin in the storage.

        Raises:
            NotFound: No such collection.
            NotSignedIn, Forbidden, Invalid, TypeNotAllowed, TooLarge: See the gate.
            Gone: The upload token is past its time, or was taken back.
        """
        rights.require_account(principal)
        collection = await self._stores.database.read(
            lambda connection: find_collection(connection, wish.collection, principal)
        )
        admission = admit(
            principal,
            collection,
            filename=wish.filename,
            size=wish.size,
            declared_type=wish.content_type,
            settings=self._stores.settings.uploads,
        )
        session = await self._record(principal, collection, wish, admission)
        try:
            return await self._begin(session)
        except CimaiseError:
            await give_up_beginning(self._stores, session)
            raise

    async def _collection_of(self, session: UploadSession, principal: Principal) -> Collection:
        """Where an upload goes that was begun: whoever sends it knows of the collection."""
        name = session.collection_name
        if name is None:
            raise NotFound("The collection was deleted meanwhile.")
        return await self._stores.database.read(
            lambda connection: collection_named(connection, name, principal)
        )

    async def _record(
        self, principal: Principal, collection: Collection, wish: Wish, admission: Admission
    ) -> UploadSession:
        now = self._stores.clock()
        session = UploadSession(
            id=self._stores.new_id(), account_id=principal.account_id, collection_id=collection.id,
            collection_name=collection.name, door=DOOR, strategy=Strategy.MULTIPART,
            state=State.PENDING, filename=admission.filename, declared_size=wish.size,
            declared_type=admission.media_type,
            part_size=likely_part_size(wish.size),
            incoming_key=object_key(self._stores.new_id()), storage_key=object_key(self._stores.new_id()),
            reserved_bytes=wish.size or 0,
            reserved_on=quota.day_of(now),
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(seconds=self._stores.settings.uploads.session_ttl),
            token_id=principal.token_id,
        )  # fmt: skip

        def work(connection: Connection) -> None:
            quota.reserve(
                connection, principal.account_id, size=session.reserved_bytes, now=now,
                defaults=self._stores.settings.quota, token_id=session.token_id,
            )  # fmt: skip
            sessions.add(connection, session)

        await self._stores.database.write(work)
        return session

    @property
    def _multipart(self) -> Multipart:
        assert self._stores.storage.multipart is not None
        return self._stores.storage.multipart

    async def _begin(self, session: UploadSession) -> UploadSession:
        """Begin in the storage, for the first time or anew; of two at once one is kept."""
        upload_id = await self._multipart.create(
            session.incoming_key,
            content_type=session.declared_type or "application/octet-stream",
            part_size=session.part_size or LEAST_PART_BYTES,
            is_exact=False,
        )
        current = await self._stores.database.write(
            lambda connection: sessions.exchange_storage_upload(connection, session, upload_id)
        )
        if current.storage_upload_id != upload_id:
            await self._multipart.abort(session.incoming_key, upload_id)
        return current

    async def sign(
        self, principal: Principal, upload_id: str, numbers: Sequence[int]
    ) -> SignedParts:
        """URLs for parts of any length that the upload may still have.

        Raises:
            Invalid: A number that no part has.
            TooLarge: There is no room for more; the upload is ended.
            Gone, WrongState, NotFound: The upload is past its time, takes no parts, or is none.
        """
        require_part_numbers(numbers)
        session = await self._living(principal, upload_id)
        if session.state is not State.PENDING:
            raise WrongState(f"The upload is {shown_state(session)}.")
        if session.storage_upload_id is None:
            session = await self._begin(session)
        max_bytes = await self._max_bytes(session)
        if self._stores.storage.signed_door is None:
            likely = min(LEAST_PART_BYTES, max_bytes)
            for _ in numbers:
                await self._room.for_signed(session, likely, max_bytes=max_bytes)
        expires_at = await self._renewed(session)
        urls = {number: self._url(session, number, max_bytes, expires_at) for number in numbers}
        return SignedParts(urls, int((expires_at - self._stores.clock()).total_seconds()))

    async def _max_bytes(self, session: UploadSession) -> int:
        """The most that the upload may have; ``NotFound`` where its collection is gone."""
        collection = await self._collection_of(session, rights.GUEST)
        limits = (
            self._stores.settings.uploads.max_bytes,
            collection.policy.max_bytes,
            told_size(session),
        )
        return min(limit for limit in limits if limit is not None)

    async def _renewed(self, session: UploadSession) -> datetime:
        """Until when URLs may live: written down before they leave, but not for each anew."""
        ttl = timedelta(seconds=self._stores.settings.uploads.url_ttl)
        now = self._stores.clock()
        least = max(ttl / 2, _LEAST_LIFE)
        if session.urls_expire_at is not None and session.urls_expire_at - now > least:
            return session.urls_expire_at
        until = now + ttl
        noted = await self._stores.database.write(
            lambda connection: sessions.note(connection, session, urls_expire_at=until)
        )
        if not noted:
            raise WrongState("The upload was changed meanwhile.")
        return until

    def _url(
        self, session: UploadSession, number: int, max_bytes: int, expires_at: datetime
    ) -> str:
        assert self._stores.storage.presigner is not None
        assert session.storage_upload_id is not None
        signed = self._stores.storage.presigner.part(
            session.incoming_key,
            session.storage_upload_id,
            number,
            expires_at=expires_at,
            max_bytes=min(max_bytes, MAX_PART_BYTES),
            session_id=session.id,
        )
        return signed.url

    async def expect_part(self, upload_id: str, part_number: int, size: int) -> None:
        """A part of ``size`` bytes is about to come to a URL of this server: make room.

        Raises:
            TooLarge: There is none and the upload is ended, or no part may be so long.
            WrongState, NotFound: The upload takes no parts, or is none.
        """
        session = await self._stores.database.read(
            lambda connection: sessions.find(connection, upload_id)
        )
        max_bytes = await self._max_bytes(session)
        if size > MAX_PART_BYTES:
            limit = Limit("part bytes", MAX_PART_BYTES, size)
            raise TooLarge("The part is too long.", limit=limit)
        await self._room.for_part(session, part_number, size, max_bytes=max_bytes)

    async def parts(self, principal: Principal, upload_id: str) -> Sequence[PartInfo]:
        """Every part that need not be sent again.

        Of an upload that is complete those that it was made of, so that a client that lost the
        answer can ask for it again. Parts that the storage lost are sent again.

        Raises:
            Gone, WrongState, NotFound: The upload is past its time, has ended, or is none.
        """
        session = await self._living(principal, upload_id)
        if session.state in _DONE:
            return remembered_parts(session, session.storage_etag or "")
        if session.storage_upload_id is None:
            return ()
        try:
            stored = await self._multipart.parts(session.incoming_key, session.storage_upload_id)
        except NotFound:
            return await self._without_storage(session)
        return stored if self._stores.storage.is_local else whole_parts(session, stored)

    async def _without_storage(self, session: UploadSession) -> Sequence[PartInfo]:
        """The storage does not know the upload: it was joined, or lost."""
        if session.part_count is not None:
            return remembered_parts(session, session.id)
        await self._begin(session)
        return ()

    async def complete(
        self, principal: Principal, upload_id: str, claimed: Mapping[int, str]
    ) -> UploadSession:
        """Check the parts and their room, join, verify, settle. Asked again it answers the same.

        Args:
            principal: Whose session it is, or an admin.
            upload_id: Which.
            claimed: ETag by part number as the client has them, without quotation marks.

        Raises:
            WrongState: ``part_mismatch``: the parts are not what was claimed; the upload goes on.
            TooLarge, TypeNotAllowed, Invalid: It is refused, and no byte stays.
            Gone, NotFound, Forbidden: It is past its time, none, or not the principal's.
        """
        session = await self._living(principal, upload_id)
        if session.state in _DONE:
            return session
        collection = await self._collection_of(session, principal)
        rights.require_contribute(principal, collection.facts)
        session = await self._with_plan(principal, session, collection, claimed)
        return await asyncio.shield(self._verifier.complete(session, claimed))

    async def _with_plan(
        self,
        principal: Principal,
        session: UploadSession,
        collection: Collection,
        claimed: Mapping[int, str],
    ) -> UploadSession:
        if session.storage_upload_id is None:
            raise WrongState("Nothing has been uploaded yet.", code="part_mismatch")
        if session.state is State.COMPLETING:
            return session  # with the plan of whoever is at it, or died
        try:
            stored = await self._multipart.parts(session.incoming_key, session.storage_upload_id)
        except NotFound:
            if session.part_count is not None:
                return session  # joined by a call that died before it could say so
            raise WrongState("The parts are lost: send them again.", code="part_mismatch") from None
        plan = plan_of(session, stored, claimed)
        try:
            admit(
                principal,
                collection,
                filename=session.filename,
                size=plan.size,
                declared_type=None,
                settings=self._stores.settings.uploads,
            )
        except (TooLarge, TypeNotAllowed, Invalid) as refusal:
            await end_session(self._stores, session, State.REJECTED, refusal.message)
            raise
        return await self._room.for_all(planned(session, plan), plan.size)

    async def abort(self, principal: Principal, upload_id: str) -> None:
        """End the upload if it still can be; what is published stays, whatever else succeeds.

        Raises:
            NotFound, Forbidden: It is none, or not the principal's.
        """
        session = await self._found(principal, upload_id)
        if session.state is not State.PUBLISHED and session.state not in ENDED:
            await end_session(self._stores, session, State.ABORTED)

    async def _found(self, principal: Principal, upload_id: str) -> UploadSession:
        """The session, if it is the principal's. One token's uploads are no other's."""
        rights.require_account(principal)
        session = await find_session(self._stores, upload_id)
        of_door = session.door == DOOR and session.strategy is Strategy.MULTIPART
        if not of_door or (principal.token_id and session.token_id != principal.token_id):
            raise NotFound("There is no such upload.")
        require_owner(principal, session)
        return session

    async def _living(self, principal: Principal, upload_id: str) -> UploadSession:
        """The session, if it may still go on or is complete; one past its time ends here."""
        session = await self._found(principal, upload_id)
        await require_living(self._stores, session)
        return session
