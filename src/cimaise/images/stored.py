"""Stored objects as sources of pictures: by path where they are files here, else in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from cimaise.errors import Limit, NotFound, TooLarge
from cimaise.storage.base import Reading, Storage

_OWN_DESCRIPTORS: Final = Path("/proc/self/fd")


def stored_source(
    storage: Storage, key: str, *, max_bytes: int
) -> Callable[[], AbstractAsyncContextManager[bytes | Path]]:
    """An opener of the object under ``key``.

    A file of this machine is given as the path of its open descriptor, so that no byte is copied
    and nobody can exchange it meanwhile; anything else is read into memory.

    Args:
        storage: Where it is.
        key: Which.
        max_bytes: Most that is read into memory: ``TooLarge`` beyond it.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator[bytes | Path]:
        try:
            opening = storage.open(key)
            reading = await opening.__aenter__()
        except NotFound as fault:
            raise NotFound("File missing", code="file_missing") from fault
        try:
            yield await _source(reading, max_bytes)
        finally:
            await opening.__aexit__(None, None, None)

    return opened


async def _source(reading: Reading, max_bytes: int) -> bytes | Path:
    if reading.descriptor is not None and _OWN_DESCRIPTORS.is_dir():
        return _OWN_DESCRIPTORS / str(reading.descriptor)
    if reading.info.size > max_bytes:
        limit = Limit("images.max_source_bytes", max_bytes, reading.info.size)
        raise TooLarge("The picture is too large to be shown at another size.", limit=limit)
    return b"".join([chunk async for chunk in reading.chunks])
