"""Bytes of a file of this machine that lies outside of the storage: the pictures of folder albums."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cimaise.albums.model import AlbumFile
from cimaise.errors import BrokenTransfer, NotFound
from cimaise.tasks import to_the_end
from cimaise.web.replies.reply import Opener, Source

_CHUNK_BYTES: Final = 512 * 1024  # a hop to a thread costs about as much as reading this much
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class _Chunks:
    chunks: AsyncIterator[bytes]
    descriptor: int | None
    path: Path


def open_local_file(file: AlbumFile) -> Opener:
    """An opener of exactly the version that was looked at: ``NotFound`` where it is another now."""

    @asynccontextmanager
    async def opened(start: int, stop: int) -> AsyncIterator[Source]:
        descriptor = await _opened_same(file)
        try:
            yield _Chunks(_chunks(descriptor, start, stop), descriptor, file.path)
        finally:
            os.close(descriptor)

    return opened


async def _opened_same(file: AlbumFile) -> int:
    """A descriptor; where the caller is cancelled meanwhile, it is closed as soon as it is there."""
    opening = asyncio.get_running_loop().run_in_executor(None, _open_same, file)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_opened)
        raise


def _close_opened(opening: asyncio.Future[int]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        os.close(opening.result())


def _open_same(file: AlbumFile) -> int:
    try:
        descriptor = os.open(file.path, _FLAGS)
    except OSError as fault:
        raise NotFound("There is no such file.") from fault
    facts = os.fstat(descriptor)
    if (facts.st_size, facts.st_mtime_ns) != (file.size, file.mtime_ns):
        os.close(descriptor)
        raise NotFound("The file is being replaced.")
    return descriptor


async def _chunks(descriptor: int, start: int, stop: int) -> AsyncIterator[bytes]:
    while start < stop:
        wanted = min(_CHUNK_BYTES, stop - start)
        reading = asyncio.get_running_loop().run_in_executor(
            None, os.pread, descriptor, wanted, start
        )
        chunk = await to_the_end(reading)
        if not chunk:
            raise BrokenTransfer("The file is shorter than it was.")
        yield chunk
        start += len(chunk)
