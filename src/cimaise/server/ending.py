"""How a connection ends: when all is said, when a client is refused, or in the middle."""

import asyncio

from cimaise import telemetry
from cimaise.server.answering import Answering
from cimaise.server.answers import problem
from cimaise.server.inlet import Inlet
from cimaise.server.limits import Overdue, abort
from cimaise.server.outlet import Outlet
from cimaise.server.requests import Refused


class Ending:
    """Of one connection.

    Attributes:
        has_begun: No answer can follow.
        is_lingering: Everything has been said, and the client may see it before it is let go.
    """

    __slots__ = ("_inlet", "_loop", "_outlet", "_transport", "has_begun", "is_lingering")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        inlet: Inlet,
        outlet: Outlet,
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._inlet = inlet
        self._outlet = outlet
        self.has_begun = False
        self.is_lingering = False

    def end(self, *, linger: bool) -> None:
        """Close when everything has been sent; where the client may still send, let it first."""
        self.has_begun = self._inlet.is_deaf = True
        self._inlet.at_s = self._loop.time()
        if linger:
            self.is_lingering = True
            if self._transport.can_write_eof():  # TLS cannot be closed by half
                self._transport.write_eof()
            self._inlet.resume()
        else:
            self._transport.close()

    def refuse(self, refusal: Refused, current: Answering | None) -> None:
        """Answer and close. After this nothing of the connection is read any more."""
        self._inlet.is_deaf = True
        if current is not None and current.has_begun:
            self.cut(current)
            return
        if current is not None:
            current.leave()
        self._outlet.write(problem(refusal.status, refusal.sentence))
        self.end(linger=True)

    def cut(self, current: Answering | None, *, by_reset: bool = False) -> None:
        """An answer will never be whole: the client must not take what it has for all of it."""
        self.has_begun = self._inlet.is_deaf = True
        if current is not None:
            current.leave()
        if by_reset or self._outlet.is_paused:  # for a client that does not read nothing is kept
            abort(self._transport)
        else:
            self._transport.abort()

    def give_up(self, late: Overdue) -> None:
        """The client was waited for too long, and has begun to be answered or has been."""
        if late is not Overdue.END:
            telemetry.log("connection_cut", waited_for=late.value)
        self.has_begun = True
        abort(self._transport)
