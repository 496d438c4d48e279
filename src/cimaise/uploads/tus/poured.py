"""A body that goes into an upload as it comes: no copy, no task of its own, no thread."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from cimaise.errors import ClientGone
from cimaise.storage.bodies import Piece, Pour
from cimaise.uploads.tus.sinks import AddNow, Sink

_STEP_BYTES: Final = 8 * 1024 * 1024
"""Bytes after which it is said that somebody is at the upload, if it is time for that."""

_PATIENCE_S: Final = 300.0
"""Time after which the upload is marked as being somebody's, however slowly it comes."""

_HOLD_S: Final = 0.01
"""Longest that a piece stays in memory where it could not be added at once."""

_DRAIN_STEP_BYTES: Final = 256 * 1024
_DRAIN_S: Final = 0.02
_MOST_DRAIN_S: Final = 0.2
_MOST_DRAIN_BYTES: Final = 64 * 1024 * 1024


class Poured:
    """One body on its way into a sink that can add at once.

    Attributes:
        was_interrupted: Somebody else goes on with the upload.
    """

    def __init__(
        self,
        short: Pour,
        sink: Sink,
        add_now: AddNow,
        *,
        see: Callable[[Piece], None],
        look: Callable[[], Awaitable[int]],
    ) -> None:
        """Nothing is taken yet.

        Args:
            short: The body.
            sink: Where it goes; started.
            add_now: Of the sink.
            see: Looks at every piece before it goes there, and may refuse it.
            look: Looks at what is there, and may refuse it; gives how many bytes may come before
                it is called again.
        """
        self._short = short
        self._sink = sink
        self._add_now = add_now
        self._see = see
        self._look = look
        self._held: list[bytes] = []
        self._size = 0
        self._patience: asyncio.Timeout | None = None
        self.was_interrupted = False

    def interrupt(self) -> None:
        """Let :meth:`run` come to its end after what has arrived."""
        self.was_interrupted = True
        self._hurry(0.0)

    def _hurry(self, patience_s: float) -> None:
        """Let the step that is under way end so soon, whether more comes or not."""
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time() + patience_s)

    async def run(self) -> None:
        """Everything, until the end or an interruption; errors as for the body and the sink."""
        more, most = True, await self._look()
        while more and not self.was_interrupted:
            more = await self._step(min(most, _STEP_BYTES), _PATIENCE_S)
            await self._sink.rest()
            if not self.was_interrupted:
                most = await self._look()
        if more:
            await self._drain()

    async def _drain(self) -> None:
        """What is on its way through this machine, and a little more from a quick sender."""
        loop = asyncio.get_running_loop()
        stop_s, most = loop.time() + _MOST_DRAIN_S, self._size + _MOST_DRAIN_BYTES
        more = True
        while more and loop.time() < stop_s and self._size < most:
            before = self._size
            try:
                more = await self._step(_DRAIN_STEP_BYTES, _DRAIN_S)
            except ClientGone:
                return
            if self._size == before:
                return

    async def _step(self, most: int, patience_s: float) -> bool:
        """Some of it; whether more may come."""
        more = True
        try:
            async with asyncio.timeout(patience_s) as self._patience:
                more = await self._short(self._take, most, by_pipe=True)
        except TimeoutError:
            pass
        finally:
            self._patience = None
            if self._held:
                held, self._held = self._held, []
                await self._sink.add(held)
        return more

    def _take(self, piece: Piece) -> None:
        self._see(piece)
        self._size += len(piece)
        if self._held or not self._add_now(piece):
            if not self._held:
                self._hurry(_HOLD_S)
            self._held.append(bytes(piece))
