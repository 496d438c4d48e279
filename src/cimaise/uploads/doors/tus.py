"""The tus door: uploads that go on after every interruption (tus 1.0.0).

The address of an upload is the right to go on with it: nobody can guess it, and a client whose
sign-in ends in the middle of a large file must not lose that file. To create one takes an account.

Whoever comes later takes an upload over: the request that was at it stops at once, after keeping
what it had. What is told of an upload is therefore always what the next request may go on from.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from cimaise.access.policy import Principal
from cimaise.errors import (
    Forbidden,
    TypeNotAllowed,
)
from cimaise.uploads.inspect import PictureReader
from cimaise.uploads.session import ENDED, State
from cimaise.uploads.tus.creating import Creation, Creator, most_bytes
from cimaise.uploads.tus.finish import Finisher
from cimaise.uploads.tus.lengths import declare_length
from cimaise.uploads.tus.receiving import Body, Receiver
from cimaise.uploads.tus.rows import TusUpload
from cimaise.uploads.tus.sinks import open_sink
from cimaise.uploads.tus.stores import Stores
from cimaise.uploads.tus.transfers import Transfer, Transfers

OFFSET: Final = "Upload-Offset"
"""Name of the limit that an error carries where a client is at another offset."""


@dataclass(frozen=True, slots=True)
class Status:
    """An upload, and how many of its bytes are kept."""

    upload: TusUpload
    offset: int


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a client goes on.

    Attributes:
        offset: Where it believes the upload to be.
        length: Of the whole upload, where it is declared only now.
    """

    offset: int
    length: int | None = None


class TusUploads:
    """Everything that can be done with uploads at this door."""

    def __init__(self, stores: Stores, read_picture: PictureReader) -> None:
        self._stores = stores
        self._creator = Creator(stores)
        self._finisher = Finisher(stores, read_picture)
        self._receiver = Receiver(stores)
        self._transfers = Transfers()

    @property
    def max_bytes(self) -> int:
        """Longest upload."""
        return most_bytes(self._stores)

    async def create(
        self, principal: Principal, creation: Creation, body: Body | None = None
    ) -> Status:
        """Begin an upload, and take its first bytes where some come along.

        Where those are refused or break off, the upload is ended: its address was not told yet.

        Raises:
            CimaiseError: See :meth:`Creator.create`, and :meth:`append` for the bytes.
        """
        upload = await self._creator.create(principal, creation)
        if upload.is_final:
            upload = await self._finisher.finish_final(upload.id)
            return await self._told(upload)
        if body is None:
            return Status(await self._finished(upload), 0)
        try:
            return await self.append(upload.id, Continuation(0), body)
        except BaseException:
            await asyncio.shield(self._drop(upload.id))
            raise

    async def _drop(self, upload_id: str) -> None:
        upload = await self._find(upload_id)
        if upload.session.state not in ENDED:
            await self._creator.drop(upload, "the first bytes did not arrive")

    async def status(self, upload_id: str) -> Status:
        """How much is kept. Whoever is at the upload stops, so that this stays true.

        An upload of which all bytes are there, but which could not be finished then, is finished
        now; errors as for :meth:`append`.

        Raises:
            NotFound: There is no such upload.
            Gone: It is past its time, ended, or was refused.
        """
        async with self._transfers.taken(upload_id):
            upload = await self._living(upload_id)
            offset = await self._offset(upload)
        if upload.is_final:
            return await self._told(await self._finisher.finish_final(upload_id))
        return await self._complete(upload, offset)

    async def _offset(self, upload: TusUpload) -> int:
        if upload.is_final or upload.is_done or upload.is_whole:
            return upload.kept_bytes
        return await open_sink(self._stores, upload).start()

    async def append(self, upload_id: str, going_on: Continuation, body: Body) -> Status:
        """Take bytes; once there are all of them, finish the upload.

        However it ends, bytes that arrived are kept, unless a checksum says that they are wrong.
        No connection to the database is held meanwhile.

        Raises:
            NotFound, Gone: As for :meth:`status`.
            Forbidden: A final upload takes no bytes.
            WrongState: The client is at another offset (``limit`` tells which is right), or
                somebody else went on with the upload.
            Malformed: Another length than before, or an unknown checksum.
            TooLarge: More than the upload's length or the quota; then nothing of it is kept.
            Invalid: ``checksum_mismatch``; then nothing of it is kept.
            TypeNotAllowed, Invalid: The content is refused; the upload is ended.
            ClientGone: The body broke off.
        """
        async with self._transfers.taken(upload_id) as transfer:
            upload = await self._living(upload_id)
            if upload.is_final:
                raise Forbidden("A final upload takes no bytes: send them to its partial ones.")
            if upload.is_whole:
                _require_offset(going_on, upload.kept_bytes)
                _require_length(going_on, upload)
                offset = await self._receiver.nothing(upload, body)
            else:
                upload, offset = await self._receive(upload, going_on, body, transfer)
        return await self._complete(upload, offset)

    async def _receive(
        self, upload: TusUpload, going_on: Continuation, body: Body, transfer: Transfer
    ) -> tuple[TusUpload, int]:
        sink = open_sink(self._stores, upload, on_trial=body.digest is not None)
        offset = await sink.start()
        _require_offset(going_on, offset)
        _require_length(going_on, upload)
        if going_on.length is not None and upload.length is None:
            upload = await declare_length(self._stores, upload, going_on.length, offset)
        try:
            return upload, await self._receiver.receive(upload, sink, offset, body, transfer)
        except TypeNotAllowed as refusal:
            await self._end(upload, State.REJECTED, refusal.message)
            raise

    async def _complete(self, upload: TusUpload, offset: int) -> Status:
        if offset == upload.length:
            upload = await self._finished(upload)
        return Status(upload, offset)

    async def _finished(self, upload: TusUpload) -> TusUpload:
        return await self._finisher.finish(upload) if upload.length in (0, None) else upload
