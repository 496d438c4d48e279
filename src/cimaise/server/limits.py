"""Limits that stock uvicorn does not have: how long things may be, and how long nothing may happen.

Without them a stranger fills the memory with one endless header, or holds connections by sending,
or reading, a byte now and then. One look every so often at all connections of the loop costs less
than a timer for each, and a limit is kept to within a quarter of itself.
"""

import asyncio
import fcntl
import socket
import struct
import termios
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

_MOST_BETWEEN_S: Final = 1.0
_LEAST_BETWEEN_S: Final = 0.02
_AT_ONCE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may do.

    Attributes:
        head_bytes: Of a request's line and headers together, within 64 KiB.
        headers: Lines of a head, trailers included.
        head_s: From the first byte of a head to its last; and from the connection to the first.
        idle_s: Between two requests of a connection.
        body_stall_s: Without a byte of a body that is waited for.
        write_stall_s: Without a byte that the client takes of an answer.
        linger_s: For the rest of a body that nobody wants, so that the client sees its answer.
    """

    head_bytes: int = 64 * 1024
    headers: int = 200
    head_s: float = 20.0
    idle_s: float = 15.0
    body_stall_s: float = 60.0
    write_stall_s: float = 60.0
    linger_s: float = 5.0

    def longest_s(self, waits_for: "Overdue") -> float:
        """How long a connection may wait for that."""
        return {
            Overdue.FIRST: self.head_s,
            Overdue.HEAD: self.head_s,
            Overdue.REQUEST: self.idle_s,
            Overdue.BODY: self.body_stall_s,
            Overdue.READER: self.write_stall_s,
            Overdue.END: self.linger_s,
        }[waits_for]

    @property
    def between_s(self) -> float:
        """How often to look."""
        shortest = min(
            self.head_s, self.idle_s, self.body_stall_s, self.write_stall_s, self.linger_s
        )
        return min(_MOST_BETWEEN_S, max(_LEAST_BETWEEN_S, shortest / 4))


class Overdue(Enum):
    """What a connection has waited for too long."""

    FIRST = "the first request"
    REQUEST = "the next request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    READER = "the client to read"
    END = "the client to go"


SENTENCES: Final = {
    Overdue.HEAD: "The request's headers did not come in time.",
    Overdue.BODY: "The request's body did not come in time.",
}
"""What a client is told of it, where anything."""


class Watched(Protocol):
    """A connection, as it is looked at."""

    def look(self, now_s: float) -> None:
        """Do what is due at this time of the loop."""
        ...


class Sweeper:
    """Looks at every connection of one event loop, as long as there are any."""

    def __init__(self, between_s: float) -> None:
        self._between_s = between_s
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """Look at it from now on."""
        self._watched.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(self._between_s, self._sweep, loop)

    def drop(self, connection: Watched) -> None:
        """Never again."""
        self._watched.discard(connection)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._between_s, self._sweep, loop)
        now_s = loop.time()
        for connection in list(self._watched):
            connection.look(now_s)


class Progress:
    """Whether a client takes what is sent to it, down to what the kernel still holds.

    The kernel takes megabytes at once, so a slow reader looks stalled for minutes to whoever
    only sees what the kernel takes. What is left in there says whether it reads.
    """

    __slots__ = ("_at_s", "_taken")

    def __init__(self) -> None:
        self._taken: int | None = None
        self._at_s = 0.0

    def rest(self) -> None:
        """Nothing is being sent."""
        self._taken = None

    def stalled_s(self, now_s: float, *, sent: int, unsent: int, descriptor: int) -> float:
        """Seconds since the client took a byte.

        Args:
            now_s: The loop's time.
            sent: Bytes that were ever given out for this connection, before encryption.
            unsent: Of these, how many have not reached the kernel.
            descriptor: Of the socket.
        """
        taken = sent - unsent - held_by_kernel(descriptor)
        if taken != self._taken:  # below zero where encryption made them more
            self._taken, self._at_s = taken, now_s
        return now_s - self._at_s


def held_by_kernel(descriptor: int) -> int:
    """Bytes that were given to the kernel and not acknowledged by the client (tcp(7), SIOCOUTQ)."""
    try:
        packed = fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0\0\0\0")
    except (OSError, ValueError):  # closed
        return 0
    return int(struct.unpack("i", packed)[0])


def abort(transport: asyncio.Transport) -> None:
    """End a connection at once: the kernel forgets what it has not sent, the client sees a reset.

    Without the option it would keep those bytes for a client that does not read.
    """
    found = transport.get_extra_info("socket")
    if found is not None and found.fileno() >= 0 and found.family != socket.AF_UNIX:
        with socket.socket(fileno=socket.dup(found.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
