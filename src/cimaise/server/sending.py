"""A stretch of a file on its way out, in the place where an application's answer would be."""

import asyncio

from cimaise import telemetry
from cimaise.errors import BrokenTransfer
from cimaise.server.answering import Owner
from cimaise.server.files import Outcome, Stretch
from cimaise.server.outlet import Outlet
from cimaise.server.receive import Inflow


class Sending:
    """See the module. To the connection it is what an :class:`Exchange` is.

    Attributes:
        inflow: The request's body: there is none.
        keeps_alive: The connection goes on after this.
        awaits_continue: Never: there is no body.
        has_begun: From the beginning nothing else can be said.
    """

    __slots__ = (
        "_is_gone",
        "_outlet",
        "_owner",
        "_sent",
        "_stretch",
        "awaits_continue",
        "has_begun",
        "inflow",
        "keeps_alive",
    )

    def __init__(self, owner: Owner, outlet: Outlet, stretch: Stretch, inflow: Inflow) -> None:
        """Nothing is sent yet."""
        self._owner = owner
        self._outlet = outlet
        self._stretch = stretch
        self._is_gone = False
        self._sent = 0  # of the head and the stretch behind it
        self.inflow = inflow
        self.awaits_continue = False
        self.has_begun = True
        self.keeps_alive = stretch.keeps_alive

    def leave(self) -> None:
        """The client has gone."""
        self._is_gone = True

    def send_at_once(self) -> bool:
        """Send what the kernel takes now; whether that was all of it, and there is no more to do."""
        stretch = self._stretch
        self._sent = self._outlet.send_file_now(
            stretch.head, stretch.descriptor, stretch.start, stretch.count
        )
        if self._sent < len(stretch.head) + stretch.count:
            return False
        stretch.ended(stretch.count, "complete")
        return True

    async def run(self) -> None:
        """Send the rest. Whatever happens, it is told at the end what became of it."""
        stretch, before = self._stretch, self._outlet.sent_by_file - self._sent
        outcome: Outcome = "complete"
        try:
            await self._send_rest()
        except ConnectionError:
            outcome = "disconnected"
        except asyncio.CancelledError:
            outcome = "disconnected" if self._is_gone else "broken"
        except BrokenTransfer as fault:
            telemetry.log("transfer_broken", level="error", fault=fault)
            outcome = "broken"
        sent_bytes = max(0, self._outlet.sent_by_file - before - len(stretch.head))
        stretch.ended(sent_bytes, outcome)
        if outcome == "complete":
            self._owner.answer_done(self)
        elif outcome == "broken":
            self._owner.cut()

    async def _send_rest(self) -> None:
        stretch, sent = self._stretch, self._sent
        done = max(0, sent - len(stretch.head))
        await self._outlet.send_file(
            stretch.head[sent:], stretch.descriptor, stretch.start + done, stretch.count - done
        )
