"""Whether a connection is read, and by which way: its transport's, or past it by a siphon."""

import asyncio

from cimaise.server.piped import Pipes
from cimaise.server.siphon import Owner, Siphon


class Reading:
    """The receiving half of a connection.

    Attributes:
        is_paused: Nothing is read until :meth:`resume`.
    """

    __slots__ = ("_loop", "_pipes", "_siphon", "_transport", "is_paused")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, pipes: Pipes
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._pipes = pipes
        self._siphon: Siphon | None = None
        self.is_paused = False

    def pause(self) -> None:
        """Read no more; the client has to wait."""
        if not (self.is_paused or self._transport.is_closing()):
            self.is_paused = True
            (self._siphon or self._transport).pause_reading()

    def resume(self) -> bool:
        """Read on; ``False`` where that makes no difference."""
        if not self.is_paused or self._transport.is_closing():
            return False
        self.is_paused = False
        (self._siphon or self._transport).resume_reading()
        return True

    def speed_up(self, owner: Owner) -> None:
        """Much of a body has come at once, for somebody who takes from a pipe: read by a siphon."""
        transport = self._transport
        is_tls = transport.get_extra_info("sslcontext") is not None
        if self._siphon or self.is_paused or is_tls or not self._pipes.is_able:
            return
        descriptor = transport.get_extra_info("socket").fileno()
        try:
            siphon = Siphon(self._loop, self._pipes, descriptor, owner, self.slow_down)
        except OSError:  # there are no descriptors left: it goes on as it was
            return
        transport.pause_reading()
        self._siphon = siphon
        siphon.resume_reading()

    def slow_down(self) -> None:
        """Read by the transport again, as soon as no thread reads any more."""
        siphon = self._siphon
        if siphon is None:
            return
        if siphon.is_busy:
            siphon.is_over = True
            return
        self._siphon = None
        siphon.close()
        if not (self.is_paused or self._transport.is_closing()):
            self._transport.resume_reading()
