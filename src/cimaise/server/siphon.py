"""Bodies on their way into files: from the socket to the disk without passing through our memory.

splice(2) moves what a socket has received into a pipe, page by page, and copies it from there into
a file. That is one copy where reading and writing are two, and in calls of a megabyte: with many
fast senders at once it takes half of the CPU (``bench/uploads.py parallel``).

The transport of the event loop stays what it is, and rests meanwhile. The siphon has a second
descriptor of the same socket (dup(2)), which the loop lets us wait on; it takes up no more than a
megabyte before others have their turn. Whatever is out of the ordinary, such as a client that has
gone, is left to the transport.
"""

import asyncio
import errno
import fcntl
import os
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

FROM_BYTES: Final = 128 * 1024
"""So much must come at once for a siphon to be worth its second descriptor."""

PIPE_BYTES: Final = 1024 * 1024  # what anybody may ask for (pipe(7), pipe-max-size)
_NO_WAY: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


class Piped:
    """See :class:`cimaise.storage.bodies.Piped`: bytes in a pipe, there until the taker returns."""

    __slots__ = ("_end", "_left", "_size")

    def __init__(self, end: int, size: int) -> None:
        self._end = end
        self._size = self._left = size

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        pieces = []
        while self._left:
            pieces.append(os.read(self._end, self._left))
            self._left -= len(pieces[-1])
        return b"".join(pieces)

    def move(self, descriptor: int, offset: int, /) -> None:
        """Write all of it into a file; through memory, where the file system has no other way."""
        while self._left:
            try:
                done = os.splice(self._end, descriptor, self._left, offset_dst=offset)
            except OSError as fault:
                if fault.errno not in _NO_WAY:
                    raise
                _write(descriptor, bytes(self), offset)
                return
            self._left -= done
            offset += done

    def drop(self) -> None:
        """Whatever nobody took."""
        bytes(self)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    left = memoryview(data)
    while left:
        done = os.pwrite(descriptor, left, offset)
        left, offset = left[done:], offset + done


class Pipe:
    """One for all connections of an event loop; it is empty whenever the loop goes on.

    Attributes:
        is_able: This system has splice(2), and knows what to do with sockets.
    """

    def __init__(self) -> None:
        self._ends: tuple[int, int] | None = None  # reading, writing
        self.is_able = hasattr(os, "splice")

    def fill(self, descriptor: int, most: int) -> Piped:
        """Take what a socket has received, at most so much; an empty piece at the end.

        Raises:
            BlockingIOError: Nothing is there.
            OSError: The connection is broken, or cannot be read in this way.
        """
        ends = self._ends or self._open()
        try:
            flags = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
            return Piped(ends[0], os.splice(descriptor, ends[1], most, flags=flags))
        except OSError as fault:
            self.is_able = fault.errno not in _NO_WAY
            raise

    def _open(self) -> tuple[int, int]:
        ends = self._ends = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        weakref.finalize(self, _close, ends)
        with suppress(PermissionError):  # this user has many pipes already: it is a short one
            fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return ends


def _close(ends: tuple[int, int]) -> None:
    for end in ends:
        os.close(end)


class Owner(Protocol):
    """The connection, as its siphon sees it."""

    @property
    def room(self) -> int:
        """How many bytes may be taken next; at least 1."""
        ...

    def take(self, piece: Piped, /) -> None:
        """Some have come."""
        ...


class Siphon:
    """Of one body. Close it."""

    __slots__ = ("_descriptor", "_end", "_is_reading", "_loop", "_owner", "_pipe")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pipe: Pipe,
        descriptor: int,
        owner: Owner,
        end: Callable[[], None],
    ) -> None:
        """Take a second descriptor of the socket; nothing is read yet.

        ``end`` is called where the transport has to look at the socket.
        """
        self._loop = loop
        self._pipe = pipe
        self._owner = owner
        self._end = end
        self._descriptor = os.dup(descriptor)
        self._is_reading = False

    def pause_reading(self) -> None:
        """Nobody wants more at the moment."""
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._descriptor)

    def resume_reading(self) -> None:
        """Somebody does."""
        if not self._is_reading:
            self._is_reading = True
            self._loop.add_reader(self._descriptor, self._ready)

    def close(self) -> None:
        """Give the descriptor back."""
        self.pause_reading()
        os.close(self._descriptor)

    def _ready(self) -> None:
        if not self._is_reading:  # it was ready before somebody said that nobody wants more
            return
        try:
            piece = self._pipe.fill(self._descriptor, min(self._owner.room, PIPE_BYTES))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end()
            return
        if not len(piece):
            self._end()
            return
        self._owner.take(piece)
        piece.drop()
