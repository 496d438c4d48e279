"""Reading an object: opened without following links, checked on the descriptor itself."""

import os
from collections.abc import AsyncIterator
from typing import Final

from cimaise.errors import BrokenTransfer, Unavailable
from cimaise.storage.base import ObjectInfo
from cimaise.storage.checks import CHUNK_BYTES, no_object, require_etag, span
from cimaise.storage.filesystem.files import Layout, info_of, is_regular
from cimaise.storage.filesystem.hops import Hops

_AT_ONCE_BYTES: Final = 256 * 1024
_NOWAIT: Final = getattr(os, "RWF_NOWAIT", 0)
# O_NONBLOCK: opening a pipe that somebody put there does not wait for a writer.
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Source:
    """A file open for reading, or not open (yet, or any more)."""

    def __init__(self, layout: Layout, key: str) -> None:
        self._layout = layout
        self._key = key
        self._head: bytes | None = None
        self.descriptor = -1
        self.start = 0
        self.stop = 0

    def open(self, start: int, stop: int | None, if_etag: str | None) -> ObjectInfo:
        """Open and check; no more than a look at the file system's own tables.

        Raises:
            NotFound: No regular file.
            PreconditionFailed: Another version than ``if_etag``.
            RangeNotSatisfiable: See :meth:`cimaise.storage.base.Storage.open`.
        """
        path = self._layout.path(self._key)
        try:
            self.descriptor = os.open(path, _FLAGS)
        except (FileNotFoundError, NotADirectoryError):
            raise self._layout.missing() from None
        except OSError:
            if path.is_symlink():
                raise no_object() from None
            raise
        facts = os.fstat(self.descriptor)
        if not is_regular(facts):
            raise no_object()
        info = info_of(self._key, facts)
        require_etag(if_etag, info.etag)
        self.start, self.stop = span(start, stop, info.size)
        return info

    def read_ahead(self) -> bool:
        """Read a short stretch now, if it is in memory; ``False``: that would wait for the disk."""
        count = self.stop - self.start
        if count > _AT_ONCE_BYTES:
            return True
        buffer = bytearray(count)
        try:
            done = os.preadv(self.descriptor, [buffer], self.start, _NOWAIT) if count else 0
        except OSError:  # not in memory, or a file system that cannot say
            return False
        self._head = bytes(buffer) if done == count else None
        return done == count

    def read_now(self) -> None:
        """Read a short stretch. Blocks."""
        self._head = os.pread(self.descriptor, self.stop - self.start, self.start)

    async def chunks(self, hops: Hops) -> AsyncIterator[bytes]:
        """The stretch; ``BrokenTransfer`` where the file ends before it or cannot be read."""
        position = self.start
        if self._head:
            yield self._head
            position += len(self._head)
        while position < self.stop:
            wanted = min(CHUNK_BYTES, self.stop - position)
            try:
                chunk = await hops.run(os.pread, self.descriptor, wanted, position)
            except Unavailable as fault:
                raise BrokenTransfer("The object cannot be read to its end.") from fault
            if not chunk:
                raise BrokenTransfer("The object is shorter than it was.")
            yield chunk
            position += len(chunk)

    def close(self) -> None:
        """Close the descriptor, where one is open."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
