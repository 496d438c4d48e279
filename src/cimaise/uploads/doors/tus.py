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
    Gone,
    Limit,
    Malformed,
    TooLarge,
    TypeNotAllowed,
    WrongState,
)
from cimaise.uploads.inspect import PictureReader, open_places
from cimaise.uploads.living import end_session
from cimaise.uploads.session import ENDED, State
from cimaise.uploads.stores import Stores
from cimaise.uploads.tus import rows
from cimaise.uploads.tus.creating import Creation, Creator, most_bytes
from cimaise.uploads.tus.finish import Finisher
from cimaise.uploads.tus.in_parts import delete_tail
from cimaise.uploads.tus.receiving import Body, receive, require_nothing
from cimaise.uploads.tus.reserving import declare_length
from cimaise.uploads.tus.rows import TusUpload
from cimaise.uploads.tus.sinks import open_sink
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

    def __init__(
        self,
        stores: Stores,
        read_picture: PictureReader,
        places: asyncio.Semaphore | None = None,
    ) -> None:
        self._stores = stores
        self._creator = Creator(stores)
        self._finisher = Finisher(stores, read_picture, places or open_places())
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
            return await self._finish_final(upload.id)
        if body is None:
            return await self._complete(upload, 0)
        try:
            return await self.append(upload.id, Continuation(0), body)
        except BaseException:
            await asyncio.shield(self._drop(upload.id))
            raise

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
            if upload.is_final:
                return await self._finish_final(upload_id)
            offset = await self._kept(upload)
        return await self._complete(upload, offset)

    async def append(self, upload_id: str, going_on: Continuation, body: Body) -> Status:
        """Take bytes; once there are all of them, finish the upload.

        However it ends, bytes that arrived are kept, unless a checksum says that they may be
        wrong. No connection to the database is held meanwhile.

        Raises:
            NotFound, Gone: As for :meth:`status`.
            Forbidden: A final upload takes no bytes.
            WrongState: The client is at another offset (``limit`` tells which is right), or
                ``taken_over``: somebody else went on with the upload.
            Malformed: Another length than before, or an unknown checksum.
            TooLarge: More than the upload's length: nothing of it is kept. More than a limit or the
                quota allows: the upload is ended.
            Invalid: ``checksum_mismatch``; then nothing of it is kept.
            TypeNotAllowed, Invalid: The content is refused; the upload is ended.
            ClientGone: The body broke off.
        """
        async with self._transfers.taken(upload_id) as transfer:
            upload = await self._living(upload_id)
            body.on_known(upload.session.account_id)
            if upload.is_final:
                raise Forbidden("A final upload takes no bytes: send them to its partial ones.")
            if upload.is_whole:
                _require_place(going_on, upload, upload.kept_bytes)
                await require_nothing(body)
                offset = upload.kept_bytes
            else:
                upload, offset = await self._receive(upload, going_on, body, transfer)
        return await self._complete(upload, offset)

    async def _receive(
        self, upload: TusUpload, going_on: Continuation, body: Body, transfer: Transfer
    ) -> tuple[TusUpload, int]:
        sink = open_sink(self._stores, upload, on_trial=body.digest is not None)
        offset = await sink.start()
        _require_place(going_on, upload, offset)
        try:
            if going_on.length is not None and upload.length is None:
                upload = await declare_length(self._stores, upload, going_on.length, offset)
            return upload, await receive(
                self._stores, upload, body, sink=sink, start=offset, transfer=transfer
            )
        except TypeNotAllowed as refusal:
            await self._end(upload, State.REJECTED, refusal.message)
            raise
        except TooLarge as refusal:
            if upload.length is None:  # it can never be taken; where a length was told, it can
                await self._end(upload, State.REJECTED, refusal.message)
            raise

    async def terminate(self, upload_id: str) -> str | None:
        """End an upload; its bytes and its quota are given back.

        Returns:
            The file that it has become already, which is the caller's to delete.

        Raises:
            NotFound, Gone: As for :meth:`status`.
            WrongState: It was finished meanwhile.
        """
        async with self._transfers.taken(upload_id):
            upload = await self._living(upload_id)
            if upload.session.state is State.PUBLISHED:
                return upload.session.file_id
            if not await self._end(upload, State.ABORTED):
                raise WrongState("The upload was finished meanwhile.")
        return None

    async def close(self) -> None:
        """Stop every request that is at an upload; what has arrived is kept when this returns."""
        await self._transfers.stop_all()

    async def _kept(self, upload: TusUpload) -> int:
        if upload.is_done or upload.is_whole:
            return upload.kept_bytes
        sink = open_sink(self._stores, upload)
        offset = await sink.start()
        if offset == upload.length:
            await sink.keep(length=upload.length)
        return offset

    async def _complete(self, upload: TusUpload, offset: int) -> Status:
        if offset == upload.length:
            upload = await self._finisher.finish(upload)
        return Status(upload, offset)

    async def _finish_final(self, upload_id: str) -> Status:
        upload = await self._finisher.finish_final(upload_id)
        if upload.is_done:
            return Status(upload, upload.session.size or 0)
        return Status(
            upload,
            await self._stores.database.read(
                lambda connection: rows.kept_of_pieces(connection, upload_id)
            ),
        )

    async def _find(self, upload_id: str) -> TusUpload:
        return await self._stores.database.read(lambda connection: rows.find(connection, upload_id))

    async def _living(self, upload_id: str) -> TusUpload:
        upload = await self._find(upload_id)
        state = upload.session.state
        if state is State.PENDING and self._stores.clock() >= upload.session.expires_at:
            await self._end(upload, State.EXPIRED)
            state = State.EXPIRED
        if state is State.EXPIRED:
            raise Gone("The upload is past its time.", code="expired")
        if state in ENDED:
            raise Gone(f"The upload was {state}.")
        return upload

    async def _drop(self, upload_id: str) -> None:
        upload = await self._find(upload_id)
        if upload.session.state not in ENDED:
            await self._end(upload, State.ABORTED, "the first bytes did not arrive")

    async def _end(self, upload: TusUpload, to: State, reason: str = "") -> bool:
        ended = await end_session(self._stores, upload.session, to, reason)
        if ended:
            await delete_tail(self._stores, upload.id)
        return ended


def _require_place(going_on: Continuation, upload: TusUpload, offset: int) -> None:
    """The client and we agree about offset and length."""
    if going_on.offset != offset:
        raise WrongState(
            f"The upload is at {offset}.", limit=Limit(OFFSET, offset, going_on.offset)
        )
    if going_on.length is not None and upload.length not in (None, going_on.length):
        raise Malformed("The length of an upload never changes.", field="Upload-Length")
