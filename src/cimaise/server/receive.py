"""Bodies on their way in: from the socket to whoever wants them, by the shortest way.

All connections of an event loop read into one buffer. A body is either *received* in ASGI
messages, which costs a copy, or *poured*: a function of the application's is called with the
buffer itself as soon as bytes are in it. So two thousand slow uploads need one buffer, and a fast
one reaches the disk with one copy less than any other way.

The application finds ``pour`` in ``scope["extensions"]["cimaise.pour"]["pour"]``. Without it, on
another server, it receives.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from cimaise.server.piped import Piped, Pipes
from cimaise.tasks import to_the_end

BUFFER_BYTES: Final = 1024 * 1024
HEAD_VIEW_BYTES: Final = 64 * 1024
HIGH_WATER_BYTES: Final = 256 * 1024
"""A body that nobody takes is read up to here; then its sender has to wait."""

EXTENSION: Final = "cimaise.pour"
TRAILERS: Final = "cimaise.trailers"
"""Of its scope: there ``fields`` is a list that grows when fields come behind the body."""

Piece = bytes | memoryview | Piped
Take = Callable[[Any], None]  # of pieces; not of piped ones where it did not say so


class SharedBuffer:
    """The memory that every connection of an event loop reads into.

    Whoever reads takes the bytes before the loop goes on, so no two connections ever meet in it.

    Attributes:
        pipes: Where bytes go instead that shall not come into our memory at all.
    """

    def __init__(self) -> None:
        self.whole = memoryview(bytearray(BUFFER_BYTES))
        self.short = self.whole[:HEAD_VIEW_BYTES]
        self.pipes = Pipes()

    def view(self, room: int) -> memoryview:
        """The first ``room`` bytes, or all there are."""
        return self.whole if room >= BUFFER_BYTES else self.whole[:room]


class Source(Protocol):
    """The connection, as its bodies see it."""

    def want_body(self) -> None:
        """Somebody waits for bytes: say ``100 Continue`` where the client waits too, and read."""
        ...

    def pause_body(self) -> None:
        """Nobody wants more at the moment."""
        ...


class Inflow:
    """The body of one request.

    Attributes:
        is_ended: The last byte has come.
        is_over: The client has gone, or the response is complete: nothing more comes.
        received_bytes: So many have come.
        is_wanted: Somebody waits for bytes.
    """

    __slots__ = (
        "_by_pipe",
        "_fault",
        "_held",
        "_held_bytes",
        "_is_end_told",
        "_moving",
        "_source",
        "_take",
        "_waiters",
        "_wanted",
        "is_discarded",
        "is_ended",
        "is_over",
        "received_bytes",
    )

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._take: Take | None = None
        self._by_pipe = False
        self._wanted = 0
        self._fault: BaseException | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._moving: asyncio.Future[None] | None = None  # done when a thread is
        self._is_end_told = False
        self.is_ended = False
        self.is_over = False
        self.is_discarded = False
        self.received_bytes = 0

    @property
    def is_wanted(self) -> bool:
        """Somebody waits for bytes that have not come."""
        is_due = self._moving is None and not (self.is_ended or self.is_over)
        return is_due and bool(self._waiters)

    @property
    def room(self) -> int:
        """How many bytes may be read next."""
        return self._wanted if self._take is not None else HIGH_WATER_BYTES

    @property
    def takes_pipes(self) -> bool:
        """Whoever takes can do so from a pipe."""
        return self._by_pipe and self._take is not None

    def add(self, piece: Piece) -> None:
        """Bytes have come. ``piece`` is only good until this returns."""
        self.received_bytes += len(piece)
        if self.is_discarded:
            return
        if isinstance(piece, Piped) and not (self.takes_pipes and len(piece) <= self._wanted):
            piece = bytes(piece)
        rest = piece if self._take is None else self._give(self._take, piece)
        if not len(rest):
            return
        self._held.append(bytes(rest))
        self._held_bytes += len(rest)
        if self._held_bytes >= HIGH_WATER_BYTES:
            self._source.pause_body()
        if self._take is None:
            self._wake()

    def moved(self, fault: BaseException | None) -> None:
        """A thread has done with the piece that was given last."""
        assert self._moving is not None
        self._moving.set_result(None)
        self._moving = None
        if fault is not None:
            self._fault, self._wanted = fault, 0
        self._settle()
        self._wake()

    def end(self) -> None:
        """The body is whole."""
        self.is_ended = True
        self._wake()

    def leave(self) -> None:
        """Nothing more comes: the client has gone, or nobody is interested any more."""
        self.is_over = True
        self._wake()

    def discard(self) -> None:
        """Whatever still comes is thrown away."""
        self.is_discarded = True
        self._held, self._held_bytes, self._take = [], 0, None

    async def receive(self, *, has_answered: Callable[[], bool]) -> dict[str, Any]:
        """The next ASGI message: bytes, the end, or that nothing more comes.

        Bytes that came before the client went are handed out first.
        """
        while True:
            if has_answered():
                return {"type": "http.disconnect"}
            if self._held or (self.is_ended and not self._is_end_told):
                return self._message()
            if self.is_over:
                return {"type": "http.disconnect"}
            await self._wait()

    async def pour(self, take: Take, most: int, *, by_pipe: bool = False) -> bool:
        """Call ``take`` with bytes as they come, on the event loop, until there were ``most``.

        Args:
            take: Must not keep what it is given, nor wait. What it raises is raised here.
            most: 1 or more.
            by_pipe: ``take`` may be given :class:`Piped` as well.

        Returns:
            Whether more may come; ``False`` only when ``take`` has had every byte of the body.
            Cancelling loses nothing: what was given was given, the rest is still to be had. What a
            thread has been left with is waited for, always.

        Raises:
            ConnectionResetError: The client has gone before the end.
        """
        self._wanted = most
        self._take, self._by_pipe = take, by_pipe
        try:
            self._give_held(take)
            while self._moving or (self._take is take and not (self.is_ended or self.is_over)):
                await self._wait()
            return self._poured(finished=self._take is not take)
        finally:
            self._take = None
            if self._moving is not None:
                await to_the_end(self._moving)

    def _poured(self, *, finished: bool) -> bool:
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        if self.is_ended and not self._held:
            self._is_end_told = True
            return False
        if not finished and self.is_over and not self.is_ended:
            raise ConnectionResetError("The client has gone.")
        return True

    def _give(self, take: Take, piece: Piece) -> Piece:
        """Let ``take`` have what it wants of ``piece``; gives the rest."""
        part: Piece = piece
        rest: Piece = b""
        if not isinstance(piece, Piped):
            part, rest = piece[: self._wanted], piece[self._wanted :]
        try:
            take(part)
        except BaseException as fault:
            self._fault, self._wanted = fault, 0
        else:
            self._wanted -= len(part)
        if isinstance(part, Piped) and part.work:
            self._moving = asyncio.get_running_loop().create_future()
        else:
            self._settle()
        return rest

    def _settle(self) -> None:
        """Nothing more is given once there was enough."""
        if self._wanted == 0 and self._take is not None:
            self._take = None
            self._source.pause_body()
            self._wake()

    def _give_held(self, take: Take) -> None:
        """What came before somebody took; no frame that waits may keep it alive."""
        held, self._held, self._held_bytes = self._held, [], 0
        for number, piece in enumerate(held):
            rest = self._give(take, piece) if self._take is take else piece
            if len(rest):
                self._put_back([bytes(rest), *held[number + 1 :]])
                break

    def _put_back(self, pieces: list[bytes]) -> None:
        self._held = pieces + self._held
        self._held_bytes = sum(map(len, self._held))

    def _message(self) -> dict[str, Any]:
        body = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held, self._held_bytes = [], 0
        self._is_end_told = self.is_ended
        return {"type": "http.request", "body": body, "more_body": not self.is_ended}

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if not self.is_ended:
            self._source.want_body()
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
