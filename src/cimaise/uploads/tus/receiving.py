"""One body on its way into an upload: counted, looked at, and kept however it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from cimaise import telemetry
from cimaise.errors import CimaiseError, Limit, TooLarge, WrongState
from cimaise.rfc.tus import Checksum
from cimaise.storage.bodies import Piece, pour_of
from cimaise.uploads.signatures.base import HEAD_BYTES
from cimaise.uploads.stores import Stores
from cimaise.uploads.tus.checksums import BodyDigest
from cimaise.uploads.tus.first_look import FirstLook
from cimaise.uploads.tus.intake import Intake
from cimaise.uploads.tus.poured import Poured
from cimaise.uploads.tus.reserving import Reservation
from cimaise.uploads.tus.rows import TusUpload
from cimaise.uploads.tus.sinks import Sink
from cimaise.uploads.tus.transfers import Transfer

T = TypeVar("T")
REST_S: Final = 1.0
"""Silence after which what is only in memory is kept; it doubles with every such silence."""

MOST_REST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Body:
    """What a request brings.

    Attributes:
        chunks: Its bytes; whoever opened them closes them.
        size: How many, where that was said.
        digest: Set where a checksum comes along, before the bytes or behind them.
        checksum: Gives it once all bytes are there; ``Malformed`` where it is missing.
        on_known: Told the account whose upload it is, before the first byte is taken.
    """

    chunks: AsyncIterator[bytes]
    size: int | None = None
    digest: BodyDigest | None = None
    checksum: Callable[[], Checksum] | None = None
    on_known: Callable[[str], None] = lambda account_id: None  # noqa: ARG005 (nobody asks)


async def receive(
    stores: Stores, upload: TusUpload, body: Body, *, sink: Sink, start: int, transfer: Transfer
) -> int:
    """Bring a body into a sink that was started at ``start``; gives what is kept then.

    Raises:
        CimaiseError: See :meth:`cimaise.uploads.doors.tus.TusUploads.append`.
    """
    flow = _Flow(stores, upload, sink, start, body)
    flow.require_room(body.size or 0)
    poured = flow.poured(body)
    if poured is not None:
        transfer.on_stop(poured.interrupt)
        kept = await _settled(upload, body, sink, poured, poured.run())
        was_interrupted = poured.was_interrupted
    else:
        async with Intake(body.chunks) as intake:
            transfer.on_stop(intake.interrupt)
            kept = await _settled(upload, body, sink, intake, flow.pour(intake))
        was_interrupted = intake.was_interrupted
    if was_interrupted:
        transfer.release()
        raise _taken_over()
    return kept


async def _settled(
    upload: TusUpload, body: Body, sink: Sink, way: Intake | Poured, work: Awaitable[None]
) -> int:
    """Do the work, and see that what came is kept; gives how much that is."""
    try:
        await work
        _require_checksum(body, is_whole=not way.was_interrupted)
    except BaseException as fault:
        await _to_its_end(_settle_broken(upload, sink, body, fault))
        raise
    return await _to_its_end(sink.keep(length=upload.length))


async def require_nothing(body: Body) -> None:
    """The upload has all its bytes: ``TooLarge`` where another comes."""
    if body.size:
        raise TooLarge("The upload has all its bytes.")
    async for chunk in body.chunks:
        if chunk:
            raise TooLarge("The upload has all its bytes.")


def _require_checksum(body: Body, *, is_whole: bool) -> None:
    if body.digest is None or body.checksum is None:
        return
    if not is_whole:
        raise _taken_over()  # what has arrived cannot be verified
    body.digest.require(body.checksum())


def _taken_over() -> WrongState:
    return WrongState("Another request goes on with this upload.", code="taken_over")


async def _settle_broken(upload: TusUpload, sink: Sink, body: Body, fault: BaseException) -> None:
    """Keep what came before the fault, unless it may be wrong."""
    try:
        if body.digest is not None or _is_too_long(fault):
            await sink.undo()
        else:
            await sink.keep(length=upload.length)
    except CimaiseError as second:
        telemetry.log("storage_failed", level="warning", upload=upload.id, code=second.code)


def _is_too_long(fault: BaseException) -> bool:
    """More bytes than the upload has room for, not than the quota has."""
    return isinstance(fault, TooLarge) and fault.code == TooLarge.default_code


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Do all of it, however often the request is cancelled; that is seen afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: the cancellation is what the caller learns
        raise


class _Flow:
    """Bytes from an intake into a sink."""

    def __init__(
        self, stores: Stores, upload: TusUpload, sink: Sink, start: int, body: Body
    ) -> None:
        self._sink = sink
        self._offset = start
        self._most = upload.max_bytes if upload.length is None else upload.length
        self._digest = body.digest
        self._has_length = upload.length is not None
        self._reservation = Reservation(stores, upload)
        is_due = start < HEAD_BYTES and not upload.is_partial and body.digest is None
        self._look = FirstLook(upload.session if is_due else None, sink)

    def require_room(self, more: int) -> None:
        """``TooLarge`` where the upload has no room for so many bytes more."""
        if self._offset + more > self._most:
            limit = Limit("Upload-Length", self._most, self._offset + more)
            raise TooLarge("More bytes than the upload has room for.", limit=limit)

    def poured(self, body: Body) -> Poured | None:
        """The short way, where nothing has to be waited for on it."""
        short, add_now = pour_of(body.chunks), self._sink.now()
        if short is None or add_now is None or self._digest is not None or not self._has_length:
            return None
        return Poured(short, self._sink, add_now, see=self._see, look=self.look)

    def _see(self, piece: Piece) -> None:
        self.require_room(len(piece))
        self._offset += len(piece)

    async def look(self) -> int:
        """See :meth:`FirstLook.at`."""
        return await self._look.at(self._offset)

    async def pour(self, intake: Intake) -> None:
        """Everything, until the end or an interruption."""
        patience_s = REST_S
        while True:
            pieces = await intake.take(patience_s)
            if pieces is None:
                await self._sink.rest()
                patience_s = min(2 * patience_s, MOST_REST_S)
            elif pieces:
                await self._add(pieces)
            else:
                return

    async def _add(self, pieces: list[bytes]) -> None:
        size = sum(map(len, pieces))
        self.require_room(size)
        if self._digest is not None:
            await self._digest.add(pieces)
        await self._reservation.cover(self._offset + size)
        await self._sink.add(pieces)
        self._offset += size
        await self.look()
