"""Bytes to send: always the same for a seed, never alike for two."""

import asyncio
import random
from collections.abc import AsyncIterator

from cimaise.storage.base import Storage


def content(length: int, seed: int = 0) -> bytes:
    """``length`` bytes that look like chance."""
    return random.Random(seed).randbytes(length)


async def chunked(whole: bytes, step: int = 65_536) -> AsyncIterator[bytes]:
    """The bytes as a client sends them, ``step`` at a time."""
    for start in range(0, len(whole), step):
        yield whole[start : start + step]


async def broken_off(whole: bytes, fault: Exception) -> AsyncIterator[bytes]:
    """The bytes, then ``fault``."""
    async for chunk in chunked(whole):
        yield chunk
    raise fault


class Stalled:
    """Sends some bytes, then nothing more until the task is cancelled."""

    def __init__(self, whole: bytes) -> None:
        self._whole = whole
        self.waits = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in chunked(self._whole):
            yield chunk
        self.waits.set()
        await asyncio.Event().wait()


async def read_all(storage: Storage, key: str, *, start: int = 0, stop: int | None = None) -> bytes:
    """A stretch of an object."""
    async with storage.open(key, start=start, stop=stop) as reading:
        return b"".join([chunk async for chunk in reading.chunks])
