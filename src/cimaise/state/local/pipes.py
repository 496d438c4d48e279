"""Signals between the processes of one machine: a named pipe each, in a folder of theirs.

Whoever publishes writes to every pipe; one that nobody reads any more is removed. A message is
one write of less than ``PIPE_BUF`` bytes, which the kernel never mixes with another (POSIX.1,
write). A pipe that is full drops it: its reader sees by how much it finds that it may have missed
some, and says so.
"""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from cimaise.state.base import MISSED
from cimaise.state.signals import Listeners, messages

_READ_BYTES: Final = 1024 * 1024
_FULL_BYTES: Final = 24 * 1024
"""A pipe of 16 pages is never full with less in it: two neighbouring pages hold more than one."""


class Pipes:
    """The pipe of this process and those of the others.

    Args:
        folder: Of the pipes; made where it is not there.
        new_id: A name for a pipe that no other process chooses.
    """

    def __init__(self, folder: Path, new_id: Callable[[], str]) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._new_id = new_id
        self._listeners = Listeners()
        self._pipe: tuple[Path, int] | None = None

    def publish(self, channel: str, message: str) -> None:
        """Write to every pipe, this process's own too; what cannot be written is dropped."""
        frame = msgspec.json.encode((channel, message)) + b"\n"
        for path in self._folder.glob("*.pipe"):
            try:
                pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as fault:
                if fault.errno == errno.ENXIO:  # nobody reads it any more
                    path.unlink(missing_ok=True)
                continue
            try:
                os.write(pipe, frame)
            except OSError:
                continue  # full or closed; see the head of this module
            finally:
                os.close(pipe)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """Messages on ``channel`` while the context lasts."""
        with self._listeners.added(channel) as queue:
            self._listen()
            queue.put_nowait(MISSED)
            yield messages(queue)

    def _listen(self) -> None:
        """Make and watch the pipe of this process, once."""
        if self._pipe is not None:
            return
        path = self._folder / f"{self._new_id()}.new"
        os.mkfifo(path, 0o600)
        # for reading and writing: it then never reads as ended when the last writer leaves
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        ready = path.rename(path.with_suffix(".pipe"))  # writers see it only once it has a reader
        self._pipe = ready, pipe
        asyncio.get_running_loop().add_reader(pipe, self._read, pipe)

    def _read(self, pipe: int) -> None:
        """Hand on everything that is in the pipe."""
        try:
            arrived = os.read(pipe, _READ_BYTES)
        except BlockingIOError:
            return
        for frame in arrived.splitlines():
            channel, message = msgspec.json.decode(frame, type=tuple[str, str])
            self._listeners.tell(channel, message)
        if len(arrived) > _FULL_BYTES:
            self._listeners.tell_all(MISSED)

    def close(self) -> None:
        """Remove the pipe of this process."""
        if self._pipe is None:
            return
        path, pipe = self._pipe
        self._pipe = None
        asyncio.get_running_loop().remove_reader(pipe)
        path.unlink(missing_ok=True)
        os.close(pipe)
