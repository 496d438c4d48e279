"""Bytes that the kernel holds for a socket, on their way into a file by a pipe.

splice(2) moves what a socket has received into a pipe, page by page, and copies it from there into
a file. That is one copy where reading and writing are two.
"""

import errno
import fcntl
import os
import struct
import termios
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final

PIPE_BYTES: Final = 1024 * 1024  # what anybody may ask for (pipe(7), pipe-max-size)
_THREADS: Final = 4
_COUNT: Final = struct.Struct("i")
_NO_WAY: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


def waiting_bytes(descriptor: int) -> int:
    """How many bytes a socket has received that nobody has read (tcp(7), ``SIOCINQ``).

    0 where there are none, where the client has gone, and where the next one is out of band.
    """
    try:
        (count,) = _COUNT.unpack(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(_COUNT.size)))
    except OSError:
        return 0
    return int(count)


class Pipe:
    """Empty whenever nobody moves anything; whoever could not empty it throws it away."""

    def __init__(self) -> None:
        ends = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        weakref.finalize(self, _close, ends)
        self._out, self._into = ends
        with suppress(PermissionError):  # this user has many pipes already: it is a short one
            fcntl.fcntl(self._into, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def fill(self, source: int, most: int) -> int:
        """Take bytes of a socket, at most so many; ``OSError`` where there are none."""
        return os.splice(source, self._into, most, flags=os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK)

    def empty(self, target: int, offset: int, count: int) -> None:
        """Write all ``count`` into a file; through memory, where its file system has no other way."""
        while count:
            try:
                done = os.splice(self._out, target, count, offset_dst=offset)
            except OSError as fault:
                if fault.errno not in _NO_WAY:
                    raise
                done = _write(target, os.read(self._out, count), offset)
            count -= done
            offset += done


def _close(ends: tuple[int, int]) -> None:
    for end in ends:
        os.close(end)


def _write(descriptor: int, data: bytes, offset: int) -> int:
    left = memoryview(data)
    while left:
        done = os.pwrite(descriptor, left, offset)
        left, offset = left[done:], offset + done
    return len(data)


class Pipes:
    """The pipes of an event loop, and the threads that move bytes where several bodies come at once.

    Attributes:
        is_able: This system has splice(2), and knows what to do with sockets.
        bodies: So many come by this way at the moment.
    """

    def __init__(self) -> None:
        self._idle: list[Pipe] = []
        self._pool: ThreadPoolExecutor | None = None
        self.is_able = hasattr(os, "splice")
        self.bodies = 0

    @contextmanager
    def one(self) -> Iterator[Pipe]:
        """A pipe of the caller's own; where this raises, what is left in it is lost."""
        try:
            pipe = self._idle.pop()
        except IndexError:
            pipe = Pipe()
        yield pipe
        self._idle.append(pipe)

    def run(self, work: Callable[[], None]) -> None:
        """Do it in a thread; it must not raise."""
        if self._pool is None:
            threads = min(_THREADS, os.cpu_count() or 1)
            self._pool = ThreadPoolExecutor(threads, thread_name_prefix="receive")
        self._pool.submit(work)


class Piped:
    """See :class:`cimaise.storage.bodies.Piped`: they are in the socket until they are taken."""

    __slots__ = ("_descriptor", "_left", "_may_go_apart", "_pipes", "_size", "then", "work")

    def __init__(
        self, pipes: Pipes, descriptor: int, size: int, *, may_go_apart: bool = False
    ) -> None:
        """The socket has received ``size`` bytes or more."""
        self._pipes = pipes
        self._descriptor = descriptor
        self._size = self._left = size
        self._may_go_apart = may_go_apart
        self.work: Callable[[], None] | None = None
        self.then: Callable[[], None] | None = None

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        pieces = []
        while self._left:
            pieces.append(self._come(os.read(self._descriptor, self._left)))
            self._left -= len(pieces[-1])
        return b"".join(pieces)

    def move(self, target: int, offset: int, /) -> None:
        """Write all of it into a file; through memory, where there is no other way."""
        with self._pipes.one() as pipe:
            while self._left:
                at = offset + self._size - self._left
                count = self._fill(pipe)
                if count:
                    pipe.empty(target, at, count)
                else:
                    _write(target, bytes(self), at)

    def _fill(self, pipe: Pipe) -> int:
        """Bytes that are in the pipe now; 0: this socket cannot be read in this way."""
        try:
            count = pipe.fill(self._descriptor, self._left)
        except OSError as fault:
            if fault.errno not in _NO_WAY:
                raise
            self._pipes.is_able = False
            return 0
        if not count:
            raise _gone()
        self._left -= count
        return count

    def _come(self, data: bytes) -> bytes:
        if not data:
            raise _gone()
        return data

    def apart(self, work: Callable[[], None], then: Callable[[], None], /) -> bool:
        """Leave ``work``, which takes this piece and blocks, to a thread, where that is of use."""
        if self._may_go_apart:
            self.work, self.then = work, then
        return self._may_go_apart

    def drop(self) -> None:
        """Whatever nobody took; what is not there any more is the transport's to notice."""
        with suppress(OSError):
            bytes(self)


def _gone() -> ConnectionResetError:
    return ConnectionResetError("What the client had sent is not there any more.")
