"""Any storage, and what each call of it took: seconds, bytes and how it ended."""

import asyncio
import time
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from cimaise.errors import CimaiseError
from cimaise.storage.base import (
    AppendNow,
    Appends,
    Grant,
    Hold,
    Multipart,
    ObjectInfo,
    PartInfo,
    Presigner,
    Reading,
    SignedDoor,
    SignedRequest,
    Storage,
    Sweeper,
    Unfinished,
)
from cimaise.storage.bodies import Looked, Piece
from cimaise.telemetry import span


@dataclass(frozen=True, slots=True)
class Measurement:
    """One call.

    Attributes:
        verb: ``stat``, ``open``, ``write``, ``move``, ``delete``, ``list``, ``check``,
            ``multipart_…``, ``append``, ``append_…``, ``presign_put``, ``presign_part``, ``presign_get``, ``open_grant``
            or ``sweep``.
        times: How often: the parts that were signed in one go.
        seconds: From the call to its end; for ``open`` and ``list`` to the end of reading.
        bytes: That went through this process. What is sent by a descriptor does not.
        outcome: ``ok``, the code of our error, ``cancelled`` or ``internal``.
    """

    verb: str
    seconds: float
    bytes: int
    outcome: str
    times: int = 1


@dataclass(slots=True)
class _Count:
    total: int = 0

    def through(self, chunks: AsyncIterable[bytes]) -> Looked:
        return Looked(chunks, self._add)

    def _add(self, piece: Piece) -> None:
        self.total += len(piece)


class _Meter:
    def __init__(self, report: Callable[[Measurement], None], clock: Callable[[], float]) -> None:
        self._report = report
        self._clock = clock

    @contextmanager
    def __call__(self, verb: str, times: int = 1) -> Iterator[_Count]:
        count = _Count()
        started = self._clock()
        outcome = "internal"
        try:
            with span(f"storage {verb}"):
                yield count
            outcome = "ok"
        except CimaiseError as fault:
            outcome = fault.code
            raise
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "cancelled"
            raise
        finally:
            seconds = self._clock() - started
            self._report(Measurement(verb, seconds, count.total, outcome, times))


class _MeasuredMultipart:
    def __init__(self, inner: Multipart, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def create(
        self, key: str, *, content_type: str, part_size: int, is_exact: bool = True
    ) -> str:
        with self._meter("multipart_create"):
            return await self._inner.create(
                key, content_type=content_type, part_size=part_size, is_exact=is_exact
            )

    async def write(
        self, key: str, upload_id: str, part_number: int, chunks: AsyncIterable[bytes], *, size: int
    ) -> PartInfo:
        with self._meter("multipart_write") as count:
            body = count.through(chunks)
            return await self._inner.write(key, upload_id, part_number, body, size=size)

    async def parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        with self._meter("multipart_parts"):
            return await self._inner.parts(key, upload_id)

    async def complete(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        with self._meter("multipart_complete"):
            return await self._inner.complete(key, upload_id, parts)

    async def abort(self, key: str, upload_id: str) -> None:
        with self._meter("multipart_abort"):
            await self._inner.abort(key, upload_id)

    async def unfinished(self, keys: Collection[str] | None = None) -> AsyncIterator[Unfinished]:
        with self._meter("multipart_unfinished"):
            async for upload in self._inner.unfinished(keys):
                yield upload


class _MeasuredAppendNow:
    """Counts its bytes as they come, and tells of them at each rest: pieces are many."""

    __slots__ = ("_bytes", "_inner", "_meter")

    def __init__(self, inner: AppendNow, meter: _Meter) -> None:
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


class _MeasuredAppends:
    def __init__(self, inner: Appends, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def take(self, key: str, upload_id: str, *, on_trial: bool = False) -> Hold:
        with self._meter("append_take"):
            return await self._inner.take(key, upload_id, on_trial=on_trial)

    async def append(
        self, key: str, upload_id: str, hold: Hold, pieces: Sequence[bytes], *, start: int
    ) -> None:
        with self._meter("append") as count:
            await self._inner.append(key, upload_id, hold, pieces, start=start)
            count.total = sum(map(len, pieces))

    def now(self, key: str, upload_id: str, hold: Hold) -> AppendNow | None:
        append = self._inner.now(key, upload_id, hold)
        return None if append is None else _MeasuredAppendNow(append, self._meter)

    async def head(self, key: str, upload_id: str, *, size: int) -> bytes:
        with self._meter("append_head") as count:
            head = await self._inner.head(key, upload_id, size=size)
            count.total = len(head)
            return head

    async def keep(self, key: str, upload_id: str, hold: Hold) -> int:
        with self._meter("append_keep"):
            return await self._inner.keep(key, upload_id, hold)

    async def cut(self, key: str, upload_id: str, hold: Hold, *, size: int) -> None:
        with self._meter("append_cut"):
            await self._inner.cut(key, upload_id, hold, size=size)

    async def finish(self, key: str, upload_id: str, *, size: int) -> ObjectInfo:
        with self._meter("append_finish"):
            return await self._inner.finish(key, upload_id, size=size)


class _MeasuredPresigner:
    def __init__(self, inner: Presigner, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter
        self.origin = inner.origin

    def put(
        self,
        key: str,
        *,
        size: int,
        content_type: str,
        expires_at: datetime,
        sha256: str | None = None,
    ) -> SignedRequest:
        with self._meter("presign_put"):
            return self._inner.put(
                key, size=size, content_type=content_type, expires_at=expires_at, sha256=sha256
            )

    def part(
        self,
        key: str,
        upload_id: str,
        part_number: int,
        *,
        expires_at: datetime,
        size: int | None = None,
        max_bytes: int | None = None,
        session_id: str | None = None,
    ) -> SignedRequest:
        with self._meter("presign_part"):
            return self._inner.part(
                key,
                upload_id,
                part_number,
                expires_at=expires_at,
                size=size,
                max_bytes=max_bytes,
                session_id=session_id,
            )

    def parts(
        self, key: str, upload_id: str, sizes: Mapping[int, int], *, expires_at: datetime
    ) -> list[str]:
        with self._meter("presign_part", len(sizes)):
            return self._inner.parts(key, upload_id, sizes, expires_at=expires_at)

    def get(
        self,
        key: str,
        *,
        expires_at: datetime,
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> SignedRequest:
        with self._meter("presign_get"):
            return self._inner.get(
                key,
                expires_at=expires_at,
                content_type=content_type,
                content_disposition=content_disposition,
            )


class _MeasuredDoor:
    def __init__(self, inner: SignedDoor, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    def open_grant(self, token: str, now: datetime) -> Grant:
        with self._meter("open_grant"):
            return self._inner.open_grant(token, now)


class _MeasuredSweeper:
    def __init__(self, inner: Sweeper, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def sweep_temporary(self, older_than: datetime) -> int:
        with self._meter("sweep"):
            return await self._inner.sweep_temporary(older_than)


class MeasuredStorage:
    """See :class:`cimaise.storage.base.Storage`: another one's behaviour, abilities included."""

    def __init__(
        self,
        inner: Storage,
        report: Callable[[Measurement], None],
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Wrap.

        Args:
            inner: Does the work; closed with this.
            report: Called after every call, in the thread of the loop; must not block or raise.
            clock: Seconds that only go up.
        """
        meter = self._meter = _Meter(report, clock)
        self._inner = inner
        self.is_local = inner.is_local
        self.multipart = (
            _MeasuredMultipart(inner.multipart, meter) if inner.multipart is not None else None
        )
        self.appends = _MeasuredAppends(inner.appends, meter) if inner.appends is not None else None
        self.presigner = (
            _MeasuredPresigner(inner.presigner, meter) if inner.presigner is not None else None
        )
        self.signed_door = (
            _MeasuredDoor(inner.signed_door, meter) if inner.signed_door is not None else None
        )
        self.sweeper = _MeasuredSweeper(inner.sweeper, meter) if inner.sweeper is not None else None
        self.foreign = inner.foreign  # no request waits for these
        self.upkeep = inner.upkeep

    async def stat(self, key: str) -> ObjectInfo:
        """Measured as ``stat``."""
        with self._meter("stat"):
            return await self._inner.stat(key)

    def open(
        self, key: str, *, start: int = 0, stop: int | None = None, if_etag: str | None = None
    ) -> AbstractAsyncContextManager[Reading]:
        """Measured as ``open``, until the context is left."""
        return self._open(key, start, stop, if_etag)

    @asynccontextmanager
    async def _open(
        self, key: str, start: int, stop: int | None, if_etag: str | None
    ) -> AsyncIterator[Reading]:
        with self._meter("open") as count:
            async with self._inner.open(key, start=start, stop=stop, if_etag=if_etag) as reading:
                yield replace(reading, chunks=aiter(count.through(reading.chunks)))

    async def write(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        content_type: str,
        size: int | None = None,
        max_bytes: int | None = None,
    ) -> ObjectInfo:
        """Measured as ``write``."""
        with self._meter("write") as count:
            return await self._inner.write(
                key,
                count.through(chunks),
                content_type=content_type,
                size=size,
                max_bytes=max_bytes,
            )

    async def move(self, source: str, target: str, *, if_etag: str | None = None) -> ObjectInfo:
        """Measured as ``move``."""
        with self._meter("move"):
            return await self._inner.move(source, target, if_etag=if_etag)

    async def delete(self, keys: Iterable[str]) -> None:
        """Measured as ``delete``, all keys together."""
        with self._meter("delete"):
            await self._inner.delete(keys)

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[ObjectInfo]:
        """Measured as ``list``, until the last is taken."""
        with self._meter("list"):
            async for info in self._inner.list(prefix, after=after):
                yield info

    async def check(self) -> None:
        """Measured as ``check``."""
        with self._meter("check"):
            await self._inner.check()

    async def close(self) -> None:
        """Close the inner one."""
        await self._inner.close()
