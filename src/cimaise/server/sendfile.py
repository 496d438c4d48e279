"""Files on their way out: from the page cache to the socket, without passing through Python.

Behind the ASGI extensions ``http.response.zerocopysend`` and ``http.response.pathsend``. The
transport of the event loop stays what it is; the file goes through a second descriptor of the same
socket (dup(2)), which the loop lets us wait on. Whoever uses this makes sure that the transport has
nothing left to write, and writes nothing meanwhile.

A file that is not in memory would hold up everybody else while the disk turns. So before each
stretch its first and its last page are asked for without waiting (preadv2(2), ``RWF_NOWAIT``), and
what is missing is read by a thread first.
"""

import asyncio
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from cimaise.errors import BrokenTransfer

STRETCH_BYTES: Final = 256 * 1024
"""Most that is sent before others have their turn.

What is sent at once is still in the processor's cache when the receiver takes it: eight times as
much cost a third more time of the CPU (``bench/delivery.py originals``).
"""

AT_ONCE_BYTES: Final = 1024 * 1024
"""Most that is sent in the moment in which it is asked for."""

FETCH_BYTES: Final = 2 * 1024 * 1024
"""Looked up in memory at once, and read at once where it is not there."""

_AHEAD_BYTES: Final = 8 * 1024 * 1024
_THREADS: Final = 4
_HAS_PROBE: Final = hasattr(os, "RWF_NOWAIT")


class ColdReader:
    """Threads that bring stretches of files into memory."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def read(
        self, loop: asyncio.AbstractEventLoop, file: int, offset: int, count: int
    ) -> asyncio.Future[None]:
        """Read a stretch for nothing but the page cache; it has a descriptor of its own."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="cold")
        return loop.run_in_executor(self._pool, _read, os.dup(file), offset, count)


def _read(file: int, offset: int, count: int) -> None:
    try:
        with suppress(OSError):  # whoever sends it finds the same fault, and can say so
            os.posix_fadvise(file, offset + count, _AHEAD_BYTES, os.POSIX_FADV_WILLNEED)
            os.pread(file, count, offset)
    finally:
        os.close(file)


class FileSender:
    """Sends files over the socket of one connection, one at a time.

    Attributes:
        sent: Bytes that the kernel has taken, ever.
        is_sending: Right now.
    """

    __slots__ = (
        "_cold",
        "_count",
        "_done",
        "_file",
        "_head",
        "_loop",
        "_offset",
        "_probe",
        "_socket",
        "_warm_to",
        "_watches",
        "is_sending",
        "sent",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, cold: ColdReader) -> None:
        """Take a second descriptor of the socket; :meth:`close` gives it back."""
        self._loop = loop
        self._cold = cold
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._probe = bytearray(1) if _HAS_PROBE else None
        self._done: asyncio.Future[None] | None = None
        self._watches = False
        self._head = b""
        self._file = -1
        self._offset = self._count = self._warm_to = 0
        self.sent = 0
        self.is_sending = False

    async def send(self, head: bytes, file: int, offset: int, count: int) -> None:
        """Send ``head``, then ``count`` bytes of ``file`` from ``offset``.

        Cancelling stops it in the middle, after which the connection is good for nothing.

        Raises:
            BrokenTransfer: The file ends before that, or cannot be read; the rest is missing on
                the wire.
            ConnectionError: The client has gone.
        """
        self._head, self._file, self._offset, self._count = head, file, offset, count
        self._warm_to = offset
        done = self._done = self._loop.create_future()
        self.is_sending = True
        self._step()
        try:
            await done
        finally:
            self._stop()

    def send_now(self, head: bytes, file: int, offset: int, count: int) -> int:
        """Send what the kernel takes this very moment, without waiting for anything.

        Returns:
            How many bytes of the head and the stretch behind it it took. What went wrong goes
            wrong again for whoever sends the rest.
        """
        before = self.sent
        self._head, self._file, self._offset, self._count = head, file, offset, count
        self._warm_to = offset
        with suppress(OSError):
            if not count or self._is_warm():
                self._send_head()
            if count and not self._head:
                self._take_in(min(count, AT_ONCE_BYTES))
        return self.sent - before

    def close(self) -> None:
        """Give the descriptor back; whoever is sending gets ``ConnectionResetError``."""
        self._finish(ConnectionResetError("The client has gone."))
        self._stop()
        self._socket.close()

    def _stop(self) -> None:
        self.is_sending = False
        self._done = None
        if self._watches:
            self._watches = False
            self._loop.remove_writer(self._socket.fileno())

    def _finish(self, fault: BaseException | None = None) -> None:
        if self._done is None or self._done.done():
            return
        if fault is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(fault)

    def _step(self) -> None:
        """Send one stretch, or as much of it as the kernel takes."""
        if self._done is None or self._done.done():
            return
        try:
            if self._head:
                self._send_head()
            if self._count and not self._is_cold():
                self._send_stretch()
            elif not self._count:
                self._finish()
        except (BlockingIOError, InterruptedError):
            self._watch()
        except (ConnectionError, BrokenTransfer) as fault:
            self._finish(fault)
        except OSError as fault:
            self._finish(BrokenTransfer(f"The file cannot be read: {fault.strerror}."))

    def _send_head(self) -> None:
        while self._head:
            done = self._socket.send(self._head, socket.MSG_MORE if self._count else 0)
            self._head = self._head[done:]
            self.sent += done

    def _send_stretch(self) -> None:
        left = min(self._count, STRETCH_BYTES)
        if self._probe is not None:  # what is behind that may be cold
            left = min(left, self._warm_to - self._offset)
        while left:
            done = self._take_in(left)
            if done == 0:
                raise BrokenTransfer("The file is shorter than it was.")
            left -= done
        if not self._count:
            self._finish()
        elif not self._watches:
            self._loop.call_soon(self._step)

    def _take_in(self, most: int) -> int:
        """One call of the kernel; gives how many bytes it took."""
        done = os.sendfile(self._socket.fileno(), self._file, self._offset, most)
        self._offset += done
        self._count -= done
        self.sent += done
        return done

    def _watch(self) -> None:
        if not self._watches:
            self._watches = True
            self._loop.add_writer(self._socket.fileno(), self._step)

    def _is_cold(self) -> bool:
        """Is the next stretch not in memory? Then a thread fetches it, and this goes on after."""
        if self._probe is None or self._offset < self._warm_to or self._is_warm():
            return False
        self._fetch(min(self._count, FETCH_BYTES))
        return True

    def _is_warm(self) -> bool:
        """Is the next stretch in memory, as far as can be said?"""
        stop = self._offset + min(self._count, FETCH_BYTES)
        try:
            if self._probe is not None:
                for place in (self._offset, stop - 1):
                    os.preadv(self._file, [self._probe], place, os.RWF_NOWAIT)
        except BlockingIOError:
            return False
        except OSError:  # a file system that cannot say
            self._probe = None
        self._warm_to = stop
        return True

    def _fetch(self, count: int) -> None:
        if self._watches:
            self._watches = False
            self._loop.remove_writer(self._socket.fileno())
        self._warm_to = self._offset + count
        reading = self._cold.read(self._loop, self._file, self._offset, count)
        done = self._done

        def go_on(_: object) -> None:
            if self._done is done:
                self._step()

        reading.add_done_callback(go_on)
