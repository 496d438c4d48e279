"""Bytes on their way: in memory while they are few, in a temporary file when they are many."""

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from cimaise.errors import Limit, TooLarge, Unavailable

IN_MEMORY_BYTES: Final = 2 * 1024 * 1024


class Spool:
    """Collects at most ``max_bytes``; :meth:`discard` it when the bytes are no longer needed."""

    def __init__(self, *, max_bytes: int, folder: Path | None = None) -> None:
        """Make an empty one.

        Args:
            max_bytes: One more is ``TooLarge``.
            folder: For the temporary file; ``None``: the system's.
        """
        self._max_bytes = max_bytes
        self._folder = folder
        self._held = bytearray()
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._lock = threading.Lock()
        self._is_discarded = False
        self.size = 0

    async def write(self, chunk: bytes) -> None:
        """Add bytes. ``TooLarge`` where they are too many; ``Unavailable`` where no disk has room."""
        self.require_room(self.size + len(chunk))
        self.size += len(chunk)
        self._held += chunk
        if len(self._held) > IN_MEMORY_BYTES:
            await _on_disk(self._spill)

    def require_room(self, size: int) -> None:
        """Raise ``TooLarge`` where ``size`` bytes would be too many."""
        if size > self._max_bytes:
            raise TooLarge(
                f"The picture is longer than {self._max_bytes} bytes.",
                limit=Limit("max_source_bytes", self._max_bytes, size),
            )

    async def finish(self) -> bytes | Path:
        """The bytes, or the path of the file that holds them until :meth:`discard`."""
        if self._path is None:
            return bytes(self._held)
        await _on_disk(self._close)
        return self._path

    def discard(self) -> None:
        """Forget the bytes and delete the file; also while a cancelled write still runs."""
        with self._lock:
            self._is_discarded = True
            self._held = bytearray()
            if self._file is not None:
                self._file.close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def _spill(self) -> None:
        with self._lock:
            if self._is_discarded:
                return
            if self._file is None:
                descriptor, name = tempfile.mkstemp(prefix="fetch-", dir=self._folder)
                self._path, self._file = Path(name), os.fdopen(descriptor, "wb")
            self._file.write(self._held)
            self._held = bytearray()

    def _close(self) -> None:
        self._spill()
        with self._lock:
            if self._file is not None:
                self._file.close()


async def _on_disk(work: Callable[[], None]) -> None:
    """In a thread; what fails is a fault of this machine's, not of whoever sent the bytes."""
    try:
        await asyncio.to_thread(work)
    except OSError as fault:
        raise Unavailable("The picture cannot be kept while it arrives.") from fault
