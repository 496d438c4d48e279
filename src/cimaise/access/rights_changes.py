"""Rights that were taken away, told to every other process of the installation.

What was looked up a moment ago is kept for a moment (keys, links). Whoever takes a right away
says so, and all of them forget at once. Nobody depends on hearing it: what is kept ends by itself
within seconds.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from cimaise import telemetry
from cimaise.errors import CimaiseError
from cimaise.state.base import State

CHANNEL: Final = "rights"
_CHANGED: Final = "changed"
_AGAIN_S: Final = 5.0


class RightsChanges:
    """Tells and hears. :meth:`start` it with the server, :meth:`close` it before the state."""

    def __init__(self, state: State, forget: Callable[[], None]) -> None:
        """Nothing is connected to.

        Args:
            state: What the processes share.
            forget: Drops all that was looked up; called for every change, one's own too.
        """
        self._state = state
        self._forget = forget
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def tell(self) -> None:
        """A right was taken away, and that is committed. Never fails."""
        try:
            await self._state.publish(CHANNEL, _CHANGED)
        except CimaiseError as fault:
            telemetry.log("rights_not_told", level="warning", message=fault.message)

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._state.subscribe(CHANNEL) as messages:
                    async for _ in messages:  # also where some were missed
                        self._forget()
            except CimaiseError as fault:
                telemetry.log("rights_not_told", level="warning", message=fault.message)
            await asyncio.sleep(_AGAIN_S)
