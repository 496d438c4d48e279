"""From all bytes to an object, looked at and settled; safe to run twice at once and after a crash.

An upload becomes a file, by the collection's policy at once. A partial one becomes an object that
only final uploads are made of. A final one is a copy of its partial ones, one after the other.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TypeGuard

from sqlalchemy import Connection

from cimaise import telemetry
from cimaise.errors import CimaiseError, Gone, Invalid, TypeNotAllowed, WrongState
from cimaise.storage.base import ObjectInfo
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.discard import remove_bytes
from cimaise.uploads.gate import UNDECLARED
from cimaise.uploads.hashing import has_to_be_hashed
from cimaise.uploads.inspect import Inspection, PictureReader, inspect_object
from cimaise.uploads.living import back_to_pending, reject
from cimaise.uploads.publish import Caption, publishes_at_once
from cimaise.uploads.session import State, UploadSession
from cimaise.uploads.settle import settle
from cimaise.uploads.stores import Stores
from cimaise.uploads.tus import rows
from cimaise.uploads.tus.in_parts import delete_tail
from cimaise.uploads.tus.rows import DOOR, TusUpload
from cimaise.uploads.tus.sinks import open_sink
from cimaise.uploads.welcome import collection_now


class Finisher:
    """Finishes uploads whose bytes are all kept."""

    def __init__(
        self, stores: Stores, read_picture: PictureReader, places: asyncio.Semaphore
    ) -> None:
        self._stores = stores
        self._read_picture = read_picture
        self._places = places
        self._running: dict[str, asyncio.Task[TusUpload]] = {}

    async def finish(self, upload: TusUpload) -> TusUpload:
        """Finish an upload of which every byte is kept, and give it as it is then.

        Cancelling leaves the work going on. An upload without bytes stays as it is: it is
        complete, and nothing can be made of it.

        Raises:
            TypeNotAllowed, Invalid: Its content is refused; nothing stays of it.
            Gone: It ended meanwhile.
            Unavailable: A store is away; asking again goes on.
        """
        if upload.is_done or (upload.length == 0 and not upload.is_partial):
            return upload
        task = self._running.get(upload.id)
        if task is None:
            task = self._running[upload.id] = asyncio.create_task(self._finish(upload.id))
            task.add_done_callback(lambda _: self._running.pop(upload.id))
        return await asyncio.shield(task)

    async def _find(self, upload_id: str) -> TusUpload:
        return await self._stores.database.read(lambda connection: rows.find(connection, upload_id))

    async def _finish(self, upload_id: str) -> TusUpload:
        upload = await self._stores.database.write(
            lambda connection: self._claim(connection, upload_id)
        )
        if upload.is_done:
            return upload
        try:
            if upload.is_partial:
                finished = await self._finish_partial(upload)
            else:
                finished = await self._finish_file(upload)
        except Exception as fault:
            if isinstance(fault, Invalid | TypeNotAllowed) or _is_spoilt(fault):
                await self._reject(upload.session, fault)
            else:
                await back_to_pending(self._stores, upload.session)
            raise
        if finished.session.state in sessions.ENDED:  # while its object was being made
            await remove_bytes(self._stores.storage, finished.session)
        if upload.is_partial:
            await self._finish_finals(upload)
        return finished

    def _claim(self, connection: Connection, upload_id: str) -> TusUpload:
        upload = rows.find(connection, upload_id)
        session = upload.session
        if session.state in sessions.ENDED:
            raise Gone("The upload has ended.")
        if upload.is_done:
            return upload
        if not sessions.claim(connection, session, now=self._stores.clock()):
            raise WrongState("The upload is being finished by another request.")
        begun = replace(session, state=State.COMPLETING, attempt=session.attempt + 1)
        return replace(upload, session=begun)

    async def _finish_partial(self, upload: TusUpload) -> TusUpload:
        size = upload.length or 0
        etag = (await self._joined(upload, size)).etag if size else ""

        def work(connection: Connection) -> TusUpload:
            current = rows.find(connection, upload.id).session
            now = self._stores.clock()
            won = sessions.advance(
                connection, upload.session, State.UPLOADED, now=now, size=size,
                content_type=UNDECLARED, storage_etag=etag, completed_at=now,
            )  # fmt: skip
            if won and current.reserved_on is not None:
                quota.settle(
                    connection, current.account_id, day=current.reserved_on,
                    reserved=current.reserved_bytes, size=size, token_id=current.token_id,
                )  # fmt: skip
            return rows.find(connection, upload.id)

        return await self._stores.database.write(work)

    async def _finish_finals(self, partial: TusUpload) -> None:
        """Those that waited for this one. What goes wrong with them is not this one's fault."""
        waiting = await self._stores.database.read(
            lambda connection: rows.finals_of(connection, partial.id)
        )
        for final_id in waiting:
            try:
                await self.finish_final(final_id)
            except CimaiseError as refusal:
                telemetry.log("upload_rejected", upload=final_id, code=refusal.code)

    async def finish_final(self, final_id: str) -> TusUpload:
        """Finish a final upload, if all its partial ones are done; errors as for :meth:`finish`."""
        final = await self._find(final_id)
        pieces = await self._pieces(final)
        if all(piece.is_done for piece in pieces):
            return await self.finish(final)
        return final

    async def _pieces(self, final: TusUpload) -> Sequence[TusUpload]:
        return await self._stores.database.read(
            lambda connection: rows.pieces_of(connection, final.id)
        )

    async def _finish_file(self, upload: TusUpload) -> TusUpload:
        size = upload.length
        assert size is not None
        if upload.is_final:
            info = await self._copied(upload, size)
        else:
            info = await self._joined(upload, size)
        inspection = await self._inspect(upload.session, info)
        return await self._stores.database.write(
            lambda connection: self._settle(connection, upload, inspection)
        )

    async def _joined(self, upload: TusUpload, size: int) -> ObjectInfo:
        """The object at its place; ``WrongState`` where a part is another than was recorded."""
        storage, key = self._stores.storage, upload.session.storage_key
        upload_id = upload.session.storage_upload_id
        assert upload_id is not None
        if storage.appends is not None:
            return await storage.appends.finish(key, upload_id, size=size)
        assert storage.multipart is not None
        if upload.tail_bytes:  # its length was declared after its last byte
            sink = open_sink(self._stores, upload)
            await sink.start()
            await sink.keep(length=size)
        parts = await self._stores.database.read(
            lambda connection: rows.parts_of(connection, upload.id)
        )
        return await storage.multipart.complete(key, upload_id, parts)

    async def _copied(self, final: TusUpload, size: int) -> ObjectInfo:
        """The partial uploads, one after the other, at the place of the final one."""
        pieces = await self._pieces(final)
        if not all(piece.is_done for piece in pieces):
            raise Invalid("A partial upload was ended.", field="Upload-Concat")
        return await self._stores.storage.write(
            final.session.storage_key,
            self._chunks(pieces),
            content_type=final.session.declared_type or UNDECLARED,
            size=size,
        )

    async def _chunks(self, pieces: Sequence[TusUpload]) -> AsyncIterator[bytes]:
        for piece in pieces:
            session = piece.session
            if session.size:
                etag = session.storage_etag
                async with self._stores.storage.open(session.storage_key, if_etag=etag) as reading:
                    async for chunk in reading.chunks:
                        yield chunk

    async def _inspect(self, session: UploadSession, info: ObjectInfo) -> Inspection:
        return await inspect_object(
            self._stores.storage,
            info.key,
            filename=session.filename,
            declared_type=session.declared_type,
            declared_sha256=None,
            hash_all=await has_to_be_hashed(self._stores, info.size),
            read_header=self._read_picture,
            whole_at_once=self._places,
        )

    def _settle(
        self, connection: Connection, upload: TusUpload, inspection: Inspection
    ) -> TusUpload:
        """Settle it, if nobody ended it meanwhile; gives it as it is then."""
        collection = collection_now(connection, upload.session, now=self._stores.clock())
        current = rows.find(connection, upload.id).session
        settle(
            connection,
            replace(current, state=upload.session.state, attempt=upload.session.attempt),
            inspection,
            collection,
            key=upload.session.storage_key,
            caption=Caption() if publishes_at_once(collection.policy.publish, DOOR) else None,
            now=self._stores.clock(),
            new_id=self._stores.new_id,
        )
        return rows.find(connection, upload.id)

    async def _reject(self, session: UploadSession, refusal: CimaiseError) -> None:
        if await reject(self._stores, session, refusal):
            await delete_tail(self._stores, session.id)


def _is_spoilt(fault: Exception) -> TypeGuard[WrongState]:
    """A part is another than the one that was recorded: no request can mend that."""
    return isinstance(fault, WrongState) and fault.code == "part_mismatch"
