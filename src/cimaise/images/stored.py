"""Stored objects as sources of pictures: where they lie, or copied while they are looked at."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from cimaise.errors import BrokenTransfer, NotFound, Unavailable
from cimaise.images.spool import Spool
from cimaise.storage.base import Reading, Storage

_OWN_DESCRIPTORS: Final = Path("/proc/self/fd")


def stored_source(
    storage: Storage, key: str, *, max_bytes: int, folder: Path | None = None
) -> Callable[[], AbstractAsyncContextManager[bytes | Path]]:
    """An opener of the object under ``key``.

    A file of this machine is given as the path of its open descriptor, so that no byte is copied
    and nobody can exchange it meanwhile. Anything else is copied: in memory while it is small, else
    in a temporary file that is gone when the context ends.

    Args:
        storage: Where it is.
        key: Which.
        max_bytes: Most that is copied: ``TooLarge`` beyond it. ``Unavailable`` where the storage
            breaks off.
        folder: For temporary files; ``None``: the system's.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator[bytes | Path]:
        async with AsyncExitStack() as stack:
            try:
                reading = await stack.enter_async_context(storage.open(key))
            except NotFound as fault:
                raise NotFound("File missing", code="file_missing") from fault
            spool = Spool(max_bytes=max_bytes, folder=folder)
            stack.callback(spool.discard)
            yield await _source(reading, spool)

    return opened


async def _source(reading: Reading, spool: Spool) -> bytes | Path:
    if reading.descriptor is not None and _OWN_DESCRIPTORS.is_dir():
        return _OWN_DESCRIPTORS / str(reading.descriptor)
    spool.require_room(reading.info.size)
    try:
        async for chunk in reading.chunks:
            await spool.write(chunk)
    except BrokenTransfer as fault:  # no reply has begun yet: whoever asked may try again
        raise Unavailable("The storage stopped in the middle of the picture.") from fault
    return await spool.finish()
