"""What comes in by one connection: heads and bodies, one request at a time.

While a request is being answered, only its own body is read. What a client sends behind it without
waiting (RFC 9112 §9.3.2) is held as the bytes it is, at most one read of them, and nothing more is
taken from the socket: so a thousand small requests in a row cost no more memory than one.
"""

import asyncio
from typing import Final, Protocol

from cimaise.server.limits import Limits
from cimaise.server.piped import Piped
from cimaise.server.reading import Reading
from cimaise.server.receive import Inflow, Piece, SharedBuffer
from cimaise.server.requests import Request, RequestReader
from cimaise.server.siphon import FROM_BYTES

_QUICK_S: Final = 1.0
_END: Final = b"\r\n\r\n"
"""Behind every head, and behind every body in chunks (RFC 9112 §2.1, §7.1)."""


class Owner(Protocol):
    """The connection, as its receiving half sees it."""

    @property
    def is_answering(self) -> bool:
        """An answer is not whole, or not taken: no other request is read."""
        ...

    def request_came(self, request: Request) -> None:
        """A head is whole. Never called while another request is answered."""
        ...

    def body_is_wanted(self, body: Inflow) -> None:
        """Somebody waits for bytes of a body."""
        ...


class Inlet:
    """The receiving half of a connection.

    Attributes:
        at_s: When the last byte came that anybody waited for, or the waiting began.
        has_asked: A request has begun, ever.
        is_deaf: Nothing is read any more.
        is_raw: The next bytes are of a body of declared length, and of nothing else.
        reader: Says where in a request they are.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_held",
        "_loop",
        "_owner",
        "_reading",
        "_tail",
        "at_s",
        "has_asked",
        "is_deaf",
        "is_raw",
        "reader",
    )

    def __init__(
        self,
        owner: Owner,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        buffer: SharedBuffer,
    ) -> None:
        self._owner = owner
        self._loop = loop
        self._buffer = buffer
        self.reader = RequestReader(self, limits)
        self._body: Inflow | None = None
        self._held = b""
        self._tail = b""  # of what was read, where the end of a head may be cut in two
        self._reading: Reading
        self.at_s = loop.time()
        self.has_asked = False
        self.is_deaf = False
        self.is_raw = False

    def open(self, transport: asyncio.Transport) -> None:
        """The client has come."""
        self._reading = Reading(self._loop, transport, self._buffer.pipes)

    def view(self) -> memoryview:
        """Where the next bytes go, where they are a body's: long reads for one that is wanted."""
        if self._body is None:
            return self._buffer.short
        return self._buffer.view(self.room)

    @property
    def room(self) -> int:
        """How many bytes of the body may be read next."""
        assert self._body is not None
        return min(self.reader.body_left, self._body.room)

    def take(self, piece: Piece) -> None:
        """Bytes of a body of declared length, and of nothing else."""
        self.body_came(piece)
        if not (isinstance(piece, Piped) and piece.work):
            self._count(len(piece))

    def taken(self, piece: Piped, fault: BaseException | None) -> None:
        """A thread has done with bytes that :meth:`take` was given."""
        self.at_s = self._loop.time()
        if self._body is not None:
            self._body.moved(fault)
        self._count(len(piece))

    def _count(self, size: int) -> None:
        body = self._body
        self.is_raw = self.reader.body_left > size
        self.reader.skip_body(size)
        if not self.is_raw:
            self._reading.slow_down()
        elif size >= FROM_BYTES and body is not None and body.takes_pipes:
            self._reading.speed_up(self)

    def feed(self, data: bytes | memoryview) -> None:
        """Read what may be read now; the rest waits for :meth:`go_on`.

        Raises:
            Refused: It is no HTTP, or more of it than is allowed.
        """
        whole, at, reader = bytes(data), 0, self.reader
        while at < len(whole) and not self.is_deaf:
            if reader.is_between and self._owner.is_answering:
                self._held += whole[at:]
                self.pause_body()
                break
            if reader.body_left:
                stop = min(at + reader.body_left, len(whole))
                self.take(whole[at:stop])
            else:
                stop = self._end_of_one(whole, at)
                reader.feed(whole[at:stop])
            at = stop
        self.is_raw = reader.body_left > 0

    def _end_of_one(self, whole: bytes, at: int) -> int:
        """Where at most one head, or one body in chunks, ends."""
        tail = self._tail
        if tail:
            found = (tail + whole[at : at + len(_END)]).find(_END)
            at_end = at + found + len(_END) - len(tail)
        if not tail or found < 0:
            found = whole.find(_END, at)
            at_end = found + len(_END)
        self._tail = b"" if found >= 0 else (tail + whole[at:])[1 - len(_END) :]
        return at_end if found >= 0 else len(whole)

    def go_on(self) -> None:
        """An answer is whole: read what was held, then what comes.

        Raises:
            Refused: See :meth:`feed`.
        """
        held, self._held = self._held, b""
        if held:
            self.feed(held)
        if not self._held:
            self.resume()

    def expect(self, body: Inflow) -> None:
        """What is read next is this body."""
        self._body = body

    def is_reading(self, body: Inflow) -> bool:
        """Bytes of this body are still to come."""
        return self._body is body

    def lose(self) -> None:
        """The client has gone."""
        self._held = b""
        self._reading.slow_down()
        if self._body is not None:
            self._body.leave()

    def rest(self, now_s: float) -> None:
        """A body of which nothing comes for a while holds no second descriptor."""
        if now_s - self.at_s > _QUICK_S:
            self._reading.slow_down()

    def resume(self) -> None:
        """Read on."""
        if self._reading.resume():
            self.at_s = self._loop.time()

    # What the reader calls

    def request_begins(self) -> None:
        """A head has begun."""
        self.has_asked = True
        self.at_s = self._loop.time()

    def request_came(self, request: Request) -> None:
        """A head is whole."""
        self.at_s = self._loop.time()
        self._owner.request_came(request)

    def body_came(self, piece: Piece) -> None:
        """Bytes of the body."""
        self.at_s = self._loop.time()
        if self._body is not None:
            self._body.add(piece)

    def body_ended(self) -> None:
        """The body is whole."""
        if self._body is not None:
            self._body.end()
            self._body = None

    # What bodies call

    def want_body(self) -> None:
        """Somebody waits for bytes."""
        if self._body is not None:
            self._owner.body_is_wanted(self._body)
        if not self._held:
            self.resume()

    def pause_body(self) -> None:
        """Nobody wants more at the moment."""
        self._reading.pause()
