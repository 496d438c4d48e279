"""Bodies on their way into files: from the socket to the disk without passing through our memory.

With many fast senders at once that takes half of the CPU (``bench/uploads.py parallel``).

The transport of the event loop stays what it is, and rests meanwhile. The siphon has a second
descriptor of the same socket (dup(2)), which the loop lets us wait on. A body that comes alone is
moved on the loop, a megabyte before others have their turn. Where several come, threads move them,
more at once, and the loop only says what goes where: so all processors copy. Whatever is out of the
ordinary, such as a client that has gone, is left to the transport.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from cimaise.server.piped import Piped, Pipes, waiting_bytes

FROM_BYTES: Final = 128 * 1024
"""So much must come at once for a siphon to be worth its second descriptor."""

ALONE_BYTES: Final = 1024 * 1024
"""Most that is moved on the loop before others have their turn."""

APART_BYTES: Final = 8 * 1024 * 1024
"""Most that a thread moves before others have their turn."""

_WORTH_BYTES: Final = 256 * 1024
"""Fewer bytes are moved faster than a thread takes over."""


class Owner(Protocol):
    """The connection, as its siphon sees it."""

    @property
    def room(self) -> int:
        """How many bytes may be taken next; at least 1."""
        ...

    def take(self, piece: Piped, /) -> None:
        """Some have come. Where its taker has left it to a thread, :meth:`taken` follows."""
        ...

    def taken(self, piece: Piped, fault: BaseException | None, /) -> None:
        """A thread has done with it."""
        ...


class Siphon:
    """Of one body. Close it.

    Attributes:
        is_busy: Bytes are given and not all taken yet, maybe by a thread: the socket is theirs.
        is_over: It is to end after that.
    """

    __slots__ = (
        "_descriptor",
        "_end",
        "_is_reading",
        "_is_watching",
        "_loop",
        "_owner",
        "_pipes",
        "is_busy",
        "is_over",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pipes: Pipes,
        descriptor: int,
        owner: Owner,
        end: Callable[[], None],
    ) -> None:
        """Take a second descriptor of the socket; nothing is read yet.

        ``end`` is called where the transport has to look at the socket.
        """
        self._loop = loop
        self._pipes = pipes
        self._owner = owner
        self._end = end
        self._descriptor = os.dup(descriptor)
        self._is_reading = self._is_watching = False
        self.is_busy = False
        self.is_over = False
        pipes.bodies += 1

    def pause_reading(self) -> None:
        """Nobody wants more at the moment."""
        self._is_reading = False
        self._watch()

    def resume_reading(self) -> None:
        """Somebody does."""
        self._is_reading = True
        self._watch()

    def _watch(self) -> None:
        is_due = self._is_reading and not self.is_busy
        if is_due and not self._is_watching:
            self._loop.add_reader(self._descriptor, self._ready)
        elif self._is_watching and not is_due:
            self._loop.remove_reader(self._descriptor)
        self._is_watching = is_due

    def close(self) -> None:
        """Give the descriptor back; not while it is busy."""
        self.pause_reading()
        self._pipes.bodies -= 1
        os.close(self._descriptor)

    def _ready(self) -> None:
        if not self._is_reading:  # it was ready before somebody said that nobody wants more
            return
        is_alone = self._pipes.bodies == 1
        most = min(self._owner.room, ALONE_BYTES if is_alone else APART_BYTES)
        size = min(waiting_bytes(self._descriptor), most)
        if not size:
            self._end()
            return
        may_go_apart = not is_alone and size >= _WORTH_BYTES
        piece = Piped(self._pipes, self._descriptor, size, may_go_apart=may_go_apart)
        self.is_busy = True  # whoever takes the last one ends this, and may have left some of it
        try:
            self._owner.take(piece)
        except OSError:  # the client went after its bytes were counted
            self.is_over = True
        if piece.work is None:
            piece.drop()
            self._rest()
        else:
            self._watch()
            self._pipes.run(partial(self._work, piece, piece.work))

    def _rest(self) -> None:
        """All that was given is out of the socket."""
        self.is_busy = False
        self._watch()
        if self.is_over:
            self._end()

    def _work(self, piece: Piped, work: Callable[[], None]) -> None:
        """In a thread."""
        fault = None
        try:
            work()
        except BaseException as raised:  # the pour raises it
            fault = raised
        with suppress(RuntimeError):  # the loop has ended, and everybody who waited with it
            self._loop.call_soon_threadsafe(self._finish, piece, fault)

    def _finish(self, piece: Piped, fault: BaseException | None) -> None:
        assert piece.then is not None
        piece.then()
        piece.drop()
        self._owner.taken(piece, fault)
        self._rest()
