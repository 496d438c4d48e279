"""The door for Uppy's ``@uppy/aws-s3`` in one request: a signed form, as S3's POST policy is one.

Nothing is recorded when a form is asked for. Its ``policy`` field is a text that only this server
can have written: who may send which file where, until when. The form's ``key`` is the id that the
file will have, so sending it again stores nothing twice.
"""

import asyncio
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from cimaise.access.links.upload_tokens import UploadTokens
from cimaise.access.policy import Principal, Role, require_account
from cimaise.access.signing import Signer
from cimaise.database.schema import files, uploads
from cimaise.errors import Forbidden, Invalid, WrongState
from cimaise.library.collection_rows import find_collection
from cimaise.uploads.doors.companion import DOOR, Wish
from cimaise.uploads.doors.multipart_form import (
    Field,
    FileBytes,
    FileStart,
    Form,
)
from cimaise.uploads.gate import UNDECLARED, admit
from cimaise.uploads.publish import Caption
from cimaise.uploads.session import State
from cimaise.uploads.stores import Stores
from cimaise.uploads.streaming import Incoming, Received, Streams
from cimaise.uploads.welcome import sender_now

PURPOSE: Final = "companion form"
FILE_FIELD: Final = "file"
_KEY, _POLICY, _TYPE = "key", "policy", "content-type"


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What a form allows: the content of its ``policy``. ``expires_at`` is in Unix seconds."""

    key: str
    account_id: str
    is_admin: bool
    token_id: str | None
    collection: str
    filename: str
    content_type: str | None
    size: int | None
    expires_at: int


@dataclass(frozen=True, slots=True)
class Offer:
    """Fields of a form that may be posted once within ``expires_in_s`` seconds."""

    fields: Mapping[str, str]
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Posted:
    """What a form became.

    Attributes:
        key: The form's; the file's id where there is one.
        etag: Of the stored bytes.
        upload_id: The session where no file was made: it waits for the publish call.
    """

    key: str
    etag: str
    upload_id: str | None = None


class SingleForms:
    """Offers forms and takes them."""

    def __init__(
        self, stores: Stores, streams: Streams, tokens: UploadTokens, signer: Signer
    ) -> None:
        self._stores = stores
        self._streams = streams
        self._tokens = tokens
        self._signer = signer

    async def offer(self, principal: Principal, wish: Wish) -> Offer:
        """Fields that let one file through.

        Raises:
            NotFound: No such collection.
            NotSignedIn, Forbidden, Invalid, TypeNotAllowed, TooLarge: See the gate.
        """
        require_account(principal)
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
        ttl_s = int(self._stores.settings.uploads.url_ttl)
        content_type = None if admission.media_type == UNDECLARED else admission.media_type
        ticket = Ticket(
            key=self._stores.new_id(),
            account_id=principal.account_id,
            is_admin=principal.role is Role.ADMIN,
            token_id=principal.token_id,
            collection=collection.name,
            filename=admission.filename,
            content_type=content_type,
            size=wish.size,
            expires_at=int(self._stores.clock().timestamp()) + ttl_s,
        )
        policy = self._signer.sign(PURPOSE, msgspec.json.encode(ticket))
        fields = {_KEY: ticket.key, _POLICY: policy}
        if content_type is not None:
            fields["Content-Type"] = content_type
        return Offer(fields, ttl_s)

    async def take(self, chunks: AsyncIterable[bytes], content_type: str) -> Posted:
        """Take a whole form; fields behind the file are not looked at (as S3 does).

        Args:
            chunks: The body.
            content_type: The request's, with the boundary.

        Raises:
            Malformed: It is no form, or breaks off.
            Forbidden: ``bad_signature`` or ``expired_signature``.
            Gone: The upload token was taken back, or is past its time.
            Invalid: There is no file in it, or an empty one.
            CimaiseError: What refuses the file.
        """
        fields: dict[str, str] = {}
        ticket: Ticket | None = None
        taken: Received | Posted | None = None
        try:
            events = Form(chunks, content_type)
            async for event in events:
                if isinstance(event, Field) and ticket is None:
                    fields[event.name.lower()] = event.text
                elif isinstance(event, FileStart) and (event.name != FILE_FIELD or ticket):
                    await FileBytes(events).skip()
                elif isinstance(event, FileStart):
                    ticket = self._ticket(fields)
                    taken = await self._receive(ticket, events)
        except BaseException as fault:
            if isinstance(taken, Received):
                await asyncio.shield(self._streams.drop([taken], type(fault).__name__))
            raise
        if ticket is None or taken is None:
            raise Invalid("Choose a file.", field=FILE_FIELD)
        return taken if isinstance(taken, Posted) else await self._finish(ticket, taken)

    def _ticket(self, fields: Mapping[str, str]) -> Ticket:
        payload = self._signer.open(PURPOSE, fields.get(_POLICY, ""))
        ticket = msgspec.json.decode(payload, type=Ticket)
        declared = fields.get(_TYPE)
        if fields.get(_KEY) != ticket.key or declared not in (None, ticket.content_type):
            raise Forbidden("The form's fields are not those that were signed.", code="bad_signature")  # fmt: skip
        if self._stores.clock().timestamp() >= ticket.expires_at:
            raise Forbidden("The form is past its time.", code="expired_signature")
        return ticket

    async def _receive(self, ticket: Ticket, events: Form) -> Received | Posted:
        """Store the file, or skip it where an earlier request has brought it."""
        principal = await self._principal(ticket)
        known, posted = await self._stores.database.read(
            lambda connection: _earlier(connection, ticket)
        )
        if posted is not None:
            await FileBytes(events).skip()
            return posted
        incoming = Incoming(
            DOOR,
            ticket.filename,
            ticket.content_type,
            ticket.size,
            ticket.collection,
            None if known else ticket.key,
        )
        try:
            return await self._streams.receive(principal, incoming, FileBytes(events))
        except IntegrityError as fault:
            raise _twice() from fault

    async def _principal(self, ticket: Ticket) -> Principal:
        """Who was given the form, as far as they may still send it."""
        if ticket.token_id is not None:
            return (await self._tokens.right_of(ticket.token_id)).principal
        sender = await self._stores.database.read(
            lambda connection: sender_now(connection, ticket.account_id, now=self._stores.clock())
        )
        role = sender.role if ticket.is_admin else Role.MEMBER
        return Principal(sender.account_id, sender.name, role)

    async def _finish(self, ticket: Ticket, received: Received) -> Posted:
        try:
            done = await self._streams.finish(
                await self._principal(ticket),
                [received],
                collection=ticket.collection,
                caption=Caption(),
                file_id=ticket.key,
            )
        except IntegrityError as fault:
            await self._streams.drop([received], "sent twice")
            raise _twice() from fault
        session, file = done[0]
        return Posted(ticket.key, session.storage_etag or "", None if file else session.id)


def _earlier(connection: Connection, ticket: Ticket) -> tuple[bool, Posted | None]:
    """Whether the form was sent before, and what it became if that was anything."""
    file = connection.execute(
        select(files.c.storage_etag, files.c.etag).where(
            files.c.id == ticket.key, files.c.owner_id == ticket.account_id
        )
    ).first()
    if file is not None:
        return True, Posted(ticket.key, file.storage_etag or file.etag)
    row = connection.execute(
        select(uploads.c.state, uploads.c.storage_etag).where(uploads.c.id == ticket.key)
    ).first()
    if row is not None and row.state == State.UPLOADED.value:
        return True, Posted(ticket.key, row.storage_etag or "", ticket.key)
    return row is not None, None


def _twice() -> WrongState:
    return WrongState("This form is being sent twice at once.")
