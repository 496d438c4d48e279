"""Any storage, and what each call of it took: seconds, bytes and how it ended."""

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from cimaise.storage.base import ObjectInfo, Reading, Storage
from cimaise.storage.measured.meter import Measurement, Meter
from cimaise.storage.measured.parts import MeasuredAppends, MeasuredMultipart
from cimaise.storage.measured.signing import MeasuredDoor, MeasuredPresigner, MeasuredSweeper


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
        meter = self._meter = Meter(report, clock)
        self._inner = inner
        self.is_local = inner.is_local
        self.multipart = (
            MeasuredMultipart(inner.multipart, meter) if inner.multipart is not None else None
        )
        self.appends = MeasuredAppends(inner.appends, meter) if inner.appends is not None else None
        self.presigner = (
            MeasuredPresigner(inner.presigner, meter) if inner.presigner is not None else None
        )
        self.signed_door = (
            MeasuredDoor(inner.signed_door, meter) if inner.signed_door is not None else None
        )
        self.sweeper = MeasuredSweeper(inner.sweeper, meter) if inner.sweeper is not None else None
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
