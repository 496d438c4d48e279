"""Writing in parts and appending, measured."""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence

from cimaise.storage.base import (
    AppendNow,
    Appends,
    Hold,
    Multipart,
    ObjectInfo,
    PartInfo,
    Unfinished,
)
from cimaise.storage.bodies import Piece
from cimaise.storage.measured.meter import Meter


class MeasuredMultipart:
    """See :class:`cimaise.storage.base.Multipart`: each call is measured."""

    def __init__(self, inner: Multipart, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def create(
        self, key: str, *, content_type: str, part_size: int, is_exact: bool = True
    ) -> str:
        """Measured as ``multipart_create``."""
        with self._meter("multipart_create"):
            return await self._inner.create(
                key, content_type=content_type, part_size=part_size, is_exact=is_exact
            )

    async def write(
        self, key: str, upload_id: str, part_number: int, chunks: AsyncIterable[bytes], *, size: int
    ) -> PartInfo:
        """Measured as ``multipart_write``."""
        with self._meter("multipart_write") as count:
            body = count.through(chunks)
            return await self._inner.write(key, upload_id, part_number, body, size=size)

    async def parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """Measured as ``multipart_parts``."""
        with self._meter("multipart_parts"):
            return await self._inner.parts(key, upload_id)

    async def complete(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Measured as ``multipart_complete``."""
        with self._meter("multipart_complete"):
            return await self._inner.complete(key, upload_id, parts)

    async def abort(self, key: str, upload_id: str) -> None:
        """Measured as ``multipart_abort``."""
        with self._meter("multipart_abort"):
            await self._inner.abort(key, upload_id)

    async def unfinished(self, keys: Collection[str] | None = None) -> AsyncIterator[Unfinished]:
        """Measured as ``multipart_unfinished``."""
        with self._meter("multipart_unfinished"):
            async for upload in self._inner.unfinished(keys):
                yield upload


class _MeasuredAppendNow:
    """Counts its bytes as they come, and tells of them at each rest: pieces are many."""

    __slots__ = ("_bytes", "_inner", "_meter")

    def __init__(self, inner: AppendNow, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter
        self._bytes = 0

    def __call__(self, piece: Piece, start: int, /) -> bool:
        is_done = self._inner(piece, start)
        if is_done:
            self._bytes += len(piece)
        return is_done

    def rest(self) -> None:
        if not self._bytes:
            self._inner.rest()
            return
        with self._meter("append_now") as count:
            count.total, self._bytes = self._bytes, 0
            self._inner.rest()


class MeasuredAppends:
    """See :class:`cimaise.storage.base.Appends`: each call is measured."""

    def __init__(self, inner: Appends, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def take(self, key: str, upload_id: str, *, on_trial: bool = False) -> Hold:
        """Measured as ``append_take``."""
        with self._meter("append_take"):
            return await self._inner.take(key, upload_id, on_trial=on_trial)

    async def append(
        self, key: str, upload_id: str, hold: Hold, pieces: Sequence[bytes], *, start: int
    ) -> None:
        """Measured as ``append``."""
        with self._meter("append") as count:
            await self._inner.append(key, upload_id, hold, pieces, start=start)
            count.total = sum(map(len, pieces))

    def now(self, key: str, upload_id: str, hold: Hold) -> AppendNow | None:
        """Measured at each of its rests."""
        append = self._inner.now(key, upload_id, hold)
        return None if append is None else _MeasuredAppendNow(append, self._meter)

    async def head(self, key: str, upload_id: str, *, size: int) -> bytes:
        """Measured as ``append_head``."""
        with self._meter("append_head") as count:
            head = await self._inner.head(key, upload_id, size=size)
            count.total = len(head)
            return head

    async def keep(self, key: str, upload_id: str, hold: Hold) -> int:
        """Measured as ``append_keep``."""
        with self._meter("append_keep"):
            return await self._inner.keep(key, upload_id, hold)

    async def cut(self, key: str, upload_id: str, hold: Hold, *, size: int) -> None:
        """Measured as ``append_cut``."""
        with self._meter("append_cut"):
            await self._inner.cut(key, upload_id, hold, size=size)

    async def finish(self, key: str, upload_id: str, *, size: int) -> ObjectInfo:
        """Measured as ``append_finish``."""
        with self._meter("append_finish"):
            return await self._inner.finish(key, upload_id, size=size)
