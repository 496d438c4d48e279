"""Rights that were taken away, told to every other process of the installation.

What was looked up a moment ago is kept for a moment (keys, links, what somebody was allowed).
Whoever takes a right away says so, and all of them forget at once. Where rights may have changed
and nobody knows whose, only what was allowed is in doubt. Nobody depends on hearing it: what is
kept ends by itself within seconds.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from cimaise import telemetry
from cimaise.errors import CimaiseError
from cimaise.state.base import State
from cimaise.tasks import Forever

CHANNEL: Final = "rights"
_CHANGED: Final = "changed"
_DOUBTED: Final = "doubted"
_AGAIN_S: Final = 5.0


class RightsChanges:
    """Tells and hears. :meth:`start` it with the server, :meth:`close` it before the state."""

    def __init__(
        self, state: State, forget: Callable[[], None], *, doubt: Callable[[], None] = lambda: None
    ) -> None:
        """Nothing is connected to.

        Args:
            state: What the processes share.
            forget: Drops all that was looked up; called for every change, one's own too.
            doubt: Drops what was allowed; called where rights may have changed elsewhere.
        """
        self._state = state
        self._forget = forget
        self._doubt = doubt
        self._is_doubt_due = False
        self._loop = Forever("rights", self._listen)

    def start(self) -> None:
        """Begin to listen."""
        self._loop.start()

    async def tell(self) -> None:
        """A right was taken away, and that is committed. Never fails."""
        await self._publish(_CHANGED)

    async def tell_doubt(self) -> None:
        """Rights may have changed, and that is committed. Many at once are told of once."""
        if not self._is_doubt_due:
            self._is_doubt_due = True
            await asyncio.sleep(0)  # those that end together
            self._is_doubt_due = False
            await self._publish(_DOUBTED)

    async def _publish(self, message: str) -> None:
        try:
            await self._state.publish(CHANNEL, message)
        except CimaiseError as fault:
            telemetry.log("rights_not_told", level="warning", message=fault.message)

    async def close(self) -> None:
        """Stop listening."""
        await self._loop.stop()

    async def _listen(self) -> None:
        try:
            async with self._state.subscribe(CHANNEL) as messages:
                async for message in messages:
                    if message == _DOUBTED:
                        self._doubt()
                    else:  # also where some were missed
                        self._forget()
        except CimaiseError as fault:
            telemetry.log("rights_not_told", level="warning", message=fault.message)
        await asyncio.sleep(_AGAIN_S)
