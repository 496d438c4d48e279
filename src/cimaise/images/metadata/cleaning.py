"""Files that go out without their private things, while they are read: no copy is made."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from cimaise.errors import Forbidden
from cimaise.images.metadata.private import CannotClean, Patch, apply_patches, find_patches
from cimaise.images.metadata.windows import CutShort

CLEANED: Final = "c1"
"""Belongs into the ETag of cleaned bytes; whoever changes what is taken out changes this."""
_LOOK_BYTES: Final = 64 * 1024
_MOST_KEPT_BYTES: Final = 32 * 1024 * 1024
"""Of what is put in place of private things: of some thousands of photographs."""
_ENTRY_BYTES: Final = 500
"""What an entry takes besides."""


class Reading(Protocol):
    """What was opened: its bytes, once."""

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """Exactly the bytes that were asked for."""
        ...


Opener = Callable[[int, int], AbstractAsyncContextManager[Reading]]


@dataclass(frozen=True, slots=True)
class _Cleaned:
    chunks: AsyncIterator[bytes]


class Cleaner:
    """Knows what has to be taken out of which version of a file, and takes it out."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Patch, ...]] = OrderedDict()
        self._kept_bytes = 0

    async def cleaned(self, version: str, size: int, opener: Opener) -> Opener:
        """An opener of the same bytes without private things; as many of them.

        Args:
            version: Names these very bytes and no others.
            size: Of the whole file.
            opener: Of the bytes as they are.

        Raises:
            Forbidden: It cannot be made sure that nothing private is left.
            CimaiseError: What opening raises.
        """
        patches = self._known.get(version)
        if patches is None:
            source = _Looks(opener, size, asyncio.get_running_loop())
            try:
                patches = await asyncio.to_thread(find_patches, source)
            except CannotClean as fault:
                raise Forbidden(
                    "This file cannot be given without its private metadata."
                ) from fault
            self._keep(version, patches)
        return _patched(opener, patches)

    def _keep(self, version: str, patches: tuple[Patch, ...]) -> None:
        """Those that were looked at first go first."""
        if version not in self._known:  # else two have looked at the same time
            self._known[version] = patches
            self._kept_bytes += _cost(patches)
        while self._kept_bytes > _MOST_KEPT_BYTES:
            self._kept_bytes -= _cost(self._known.popitem(last=False)[1])


def _cost(patches: tuple[Patch, ...]) -> int:
    return _ENTRY_BYTES + sum(_ENTRY_BYTES + len(patch.body) for patch in patches)


def _patched(opener: Opener, patches: tuple[Patch, ...]) -> Opener:
    @asynccontextmanager
    async def opened(start: int, stop: int) -> AsyncIterator[Reading]:
        async with opener(start, stop) as reading:
            yield _Cleaned(_chunks(reading.chunks, start, patches))

    return opened


async def _chunks(
    chunks: AsyncIterator[bytes], at: int, patches: tuple[Patch, ...]
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield apply_patches(chunk, at, patches)
        at += len(chunk)


class _Looks:
    """Bytes by place, read in a thread through the loop that the opener belongs to."""

    def __init__(self, opener: Opener, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self._opener = opener
        self._size = size
        self._loop = loop
        self._start = 0
        self._kept = b""

    def get(self, start: int, count: int) -> bytes:
        """Exactly so many bytes from there; ``CutShort`` where the file ends before."""
        if start < 0 or start + count > self._size:
            raise CutShort("the file ends early")
        at = start - self._start
        if at < 0 or at + count > len(self._kept):
            stop = min(start + max(count, _LOOK_BYTES), self._size)
            reading = asyncio.run_coroutine_threadsafe(self._read(start, stop), self._loop)
            self._start, self._kept, at = start, reading.result(), 0
        return self._kept[at : at + count]

    async def _read(self, start: int, stop: int) -> bytes:
        async with self._opener(start, stop) as reading:
            return b"".join([chunk async for chunk in reading.chunks])
