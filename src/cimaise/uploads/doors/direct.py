"""The door beside the server: the client sends to signed URLs, the server believes nothing.

create → signed URLs → (state, fresh URLs) → complete → publish; or abort.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from cimaise.access import policy as rights
from cimaise.access.policy import Principal
from cimaise.errors import (
    CimaiseError,
    Invalid,
    NotFound,
    WrongState,
)
from cimaise.library.collection_rows import find_collection
from cimaise.library.model import Collection
from cimaise.storage.base import PartInfo, SignedRequest
from cimaise.storage.keys import incoming_key, object_key
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.completion import received_whole
from cimaise.uploads.gate import Admission, admit, admit_any
from cimaise.uploads.living import (
    end_session,
    find_session,
    give_up_beginning,
    require_living,
    require_owner,
)
from cimaise.uploads.plan import Plan, make_plan
from cimaise.uploads.quota import QuotaState
from cimaise.uploads.session import ENDED, State, Strategy, UploadSession, shown_state
from cimaise.uploads.signed_parts import (
    MAX_URLS,
    SignedPart,
    checked_numbers,
    sign_parts,
    sign_single,
)
from cimaise.uploads.stores import Stores
from cimaise.uploads.verify import Verifier


@dataclass(frozen=True, slots=True)
class Intent:
    """What a client wants to send."""

    collection: str
    filename: str
    size: int
    content_type: str | None = None
    checksum_sha256: str | None = None  # base64
    strategy: str | None = None
    part_size: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A new session with its first URLs: ``single``, or up to 1,000 ``parts``."""

    session: UploadSession
    single: SignedRequest | None
    parts: tuple[SignedPart, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """A session and what the storage holds of it."""

    session: UploadSession
    received_bytes: int
    parts: tuple[PartInfo, ...]


@dataclass(frozen=True, slots=True)
class Completed:
    """A complete session, and its account's quota afterwards."""

    session: UploadSession
    quota: QuotaState


class DirectUploads:
    """Sessions whose bytes go to signed URLs."""

    def __init__(self, stores: Stores, verifier: Verifier) -> None:
        self._stores = stores
        self._verifier = verifier

    async def create(self, principal: Principal, intent: Intent) -> Started:
        """Admit, reserve, record, and only then sign.

        Raises:
            Invalid, TypeNotAllowed, TooLarge: See :mod:`cimaise.uploads.gate` and ``plan``.
            NotFound: No such collection.
        """
        rights.require_account(principal)
        plan = self._planned(intent)
        session = await self._stores.database.write(
            lambda connection: self._record(connection, principal, intent, plan)
        )
        session = await self._begin(session)
        if session.strategy is Strategy.SINGLE:
            return Started(session, sign_single(self._stores.storage, session), ())
        return Started(
            session, None, sign_parts(self._stores.storage, session, range(1, MAX_URLS + 1))
        )

    def _planned(self, intent: Intent) -> Plan:
        """The form of the request, before anything is looked up."""
        uploads = self._stores.settings.uploads
        _check_checksum(intent.checksum_sha256)
        admit_any(
            filename=intent.filename,
            size=intent.size,
            declared_type=intent.content_type,
            settings=uploads,
        )
        return make_plan(
            intent.size, strategy=intent.strategy, part_size=intent.part_size, settings=uploads
        )

    def _record(
        self, connection: Connection, principal: Principal, intent: Intent, plan: Plan
    ) -> UploadSession:
        """One transaction, so that a client waits for one thread and for no lock twice."""
        collection = find_collection(connection, intent.collection, principal)
        admission = admit(
            principal,
            collection,
            filename=intent.filename,
            size=intent.size,
            declared_type=intent.content_type,
            settings=self._stores.settings.uploads,
        )
        session = self._session(principal, collection, intent, admission, plan)
        quota.reserve(
            connection,
            principal.account_id,
            size=intent.size,
            now=session.created_at,
            defaults=self._stores.settings.quota,
        )
        sessions.add(connection, session)
        return session

    def _session(
        self,
        principal: Principal,
        collection: Collection,
        intent: Intent,
        admission: Admission,
        plan: Plan,
    ) -> UploadSession:
        now = self._stores.clock()
        uploads = self._stores.settings.uploads
        return UploadSession(
            id=self._stores.new_id(), account_id=principal.account_id, collection_id=collection.id,
            collection_name=collection.name, door="direct", strategy=plan.strategy,
            state=State.PENDING, filename=admission.filename, declared_size=intent.size,
            declared_type=admission.media_type, declared_sha256=intent.checksum_sha256,
            part_size=plan.part_size, part_count=plan.part_count,
            incoming_key=self._incoming_key(plan), storage_key=object_key(self._stores.new_id()),
            reserved_bytes=intent.size, reserved_on=quota.day_of(now),
            created_at=now, updated_at=now,
            expires_at=now + timedelta(seconds=uploads.session_ttl),
            urls_expire_at=now + timedelta(seconds=uploads.url_ttl),
        )  # fmt: skip

    def _incoming_key(self, plan: Plan) -> str:
        """Where signed URLs write: of parts it may be the final place, see ``completion``."""
        if plan.strategy is Strategy.SINGLE:
            return incoming_key(self._stores.new_id())
        return object_key(self._stores.new_id())

    async def _begin(self, session: UploadSession) -> UploadSession:
        """Begin the multipart upload, after the row that the clean-up would find it by."""
        if session.strategy is Strategy.SINGLE:
            return session
        multipart = self._stores.storage.multipart
        assert multipart is not None
        assert session.part_size is not None
        try:
            upload_id = await multipart.create(
                session.incoming_key,
                content_type=session.declared_type or "application/octet-stream",
                part_size=session.part_size,
            )
        except CimaiseError:
            await give_up_beginning(self._stores, session)
            raise
        begun = replace(session, storage_upload_id=upload_id)
        await self._stores.database.write(
            lambda connection: sessions.note(connection, session, storage_upload_id=upload_id)
        )
        return begun

    async def fresh_urls(
        self, principal: Principal, upload_id: str, numbers: Sequence[int]
    ) -> Started:
        """New URLs for parts, at most 1,000; the session goes on, however old the first ones.

        A single upload counts as one part, number 1: it gets its URL anew.

        Raises:
            Invalid: No numbers, too many, or one that the upload does not have.
            Gone: The session is past its time.
            WrongState: It has ended, is complete, or was not begun in the storage.
        """
        session = await self._living(principal, upload_id)
        if session.state not in (State.PENDING, State.COMPLETING):
            raise WrongState(f"The upload is {shown_state(session)}.")
        wanted = checked_numbers(session, numbers)
        ttl = timedelta(seconds=self._stores.settings.uploads.url_ttl)
        renewed = replace(session, urls_expire_at=self._stores.clock() + ttl)
        noted = await self._stores.database.write(
            lambda connection: sessions.note(
                connection, session, urls_expire_at=renewed.urls_expire_at
            )
        )
        if not noted:
            raise WrongState("The upload was changed meanwhile.")
        if session.strategy is Strategy.SINGLE:
            single = sign_single(self._stores.storage, renewed)
            whole = SignedPart(1, single.url, session.declared_size or 0)
            return Started(renewed, single, (whole,))
        return Started(renewed, None, sign_parts(self._stores.storage, renewed, wanted))

    async def progress(self, principal: Principal, upload_id: str) -> Progress:
        """All that a client needs to go on after it, the server or both were restarted."""
        session = await self._owned(principal, upload_id)
        if session.state is State.UPLOADED or session.state is State.PUBLISHED:
            return Progress(session, session.size or 0, ())
        if session.state in ENDED:
            return Progress(session, 0, ())
        parts = await self._stored_parts(session)
        received = sum(part.size for part in parts)
        if not parts and session.strategy is not Strategy.STREAM:
            received = await received_whole(self._stores.storage, session)
        return Progress(session, received, parts)

    async def _stored_parts(self, session: UploadSession) -> tuple[PartInfo, ...]:
        if session.storage_upload_id is None or self._stores.storage.multipart is None:
            return ()
        try:
            return tuple(
                await self._stores.storage.multipart.parts(
                    session.incoming_key, session.storage_upload_id
                )
            )
        except NotFound:
            return ()

    async def list(
        self,
        principal: Principal,
        *,
        state: State | None,
        before: tuple[datetime, str] | None,
        limit: int,
        of_all: bool = False,
    ) -> list[UploadSession]:
        """The principal's own sessions, or those of all accounts for an admin; newest first."""
        if of_all:
            rights.require_admin(principal)
        rights.require_account(principal)
        whose = None if of_all else principal.account_id
        return await self._stores.database.read(
            lambda connection: sessions.find_of_account(
                connection, whose, state=state, before=before, limit=limit
            )
        )

    async def complete(
        self, principal: Principal, upload_id: str, claimed: Mapping[int, str] | None
    ) -> Completed:
        """Join, verify, settle. Asked again it answers the same and charges nothing twice.

        What can be mended (missing parts, another ETag) leaves the session as it was; what
        cannot (another length, a type that is refused) ends it, and no byte stays.

        Args:
            principal: Whose session it is, or an admin.
            upload_id: Which.
            claimed: ETag by part number as the client has them, or ``None``.
        """
        session = await self._owned(principal, upload_id)
        if session.state not in (State.UPLOADED, State.PUBLISHED):
            session = await self._living(principal, upload_id)
            session = await asyncio.shield(self._verifier.complete(session, claimed))
        state = await self._stores.database.read(
            lambda connection: quota.state(
                connection,
                session.account_id,
                now=self._stores.clock(),
                defaults=self._stores.settings.quota,
            )
        )
        return Completed(session, state)

    async def abort(self, principal: Principal, upload_id: str) -> None:
        """End the session: bytes freed, quota given back. Aborting the ended succeeds.

        Raises:
            WrongState: It is published: delete the file instead.
        """
        session = await self._owned(principal, upload_id)
        if session.state is State.PUBLISHED:
            raise WrongState("The upload is published: delete the file instead.")
        if session.state in ENDED or await end_session(self._stores, session, State.ABORTED):
            return
        session = await self._owned(principal, upload_id)  # somebody was quicker
        if session.state not in ENDED:
            raise WrongState("The upload was changed meanwhile.")

    async def _owned(self, principal: Principal, upload_id: str) -> UploadSession:
        rights.require_account(principal)
        session = await find_session(self._stores, upload_id)
        require_owner(principal, session)
        return session

    async def _living(self, principal: Principal, upload_id: str) -> UploadSession:
        """The session, if it may still go on; one past its time ends here."""
        session = await self._owned(principal, upload_id)
        if session.strategy is Strategy.STREAM and session.state not in ENDED:
            raise WrongState("This upload is still coming through its own request.")
        await require_living(self._stores, session)
        return session


def _check_checksum(text: str | None) -> None:
    if text is None:
        return
    good = len(text) == 44 and text.isascii() and text.endswith("=")  # noqa: PLR2004 (32 bytes in base64)
    if not good or not text[:-1].replace("+", "a").replace("/", "a").isalnum():
        raise Invalid("checksum_sha256 is the SHA-256 in base64.", field="checksum_sha256")
