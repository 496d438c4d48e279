"""A bounded number of places, and a bounded queue in front of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from cimaise.errors import Unavailable

_LONGEST_RETRY_S: Final = 30
_MEMORY: Final = 0.9  # share of the past in the running mean of durations


class Places:
    """``at_once`` may hold a place, ``queue`` more may wait. All methods belong to one event loop."""

    def __init__(
        self, *, at_once: int, queue: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make the places.

        Args:
            at_once: Holders at the same time.
            queue: How many may wait.
            clock: Seconds, for the estimate in ``retry_after_s``.
        """
        self._at_once = at_once
        self._queue = queue
        self._clock = clock
        self._free = asyncio.Semaphore(at_once)
        self._taken = 0
        self._mean_s = 0.1

    @property
    def taken(self) -> int:
        """How many hold a place or wait for one."""
        return self._taken

    @property
    def waiting(self) -> int:
        """How many wait."""
        return max(0, self._taken - self._at_once)

    async def take(self) -> float:
        """Wait for a place; the returned value goes to :meth:`give_back`. Cancelling takes none.

        Raises:
            Unavailable: ``busy``; the queue is full.
        """
        if self._taken >= self._at_once + self._queue:
            raise Unavailable(
                "The server has as many pictures to make as it can take.",
                code="busy",
                retry_after_s=self._retry_after_s(),
            )
        self._taken += 1
        try:
            await self._free.acquire()
        except BaseException:
            self._taken -= 1
            raise
        return self._clock()

    def give_back(self, taken_at_s: float) -> None:
        """Free a place."""
        self._mean_s = _MEMORY * self._mean_s + (1 - _MEMORY) * (self._clock() - taken_at_s)
        self._taken -= 1
        self._free.release()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold a place inside the context."""
        taken_at_s = await self.take()
        try:
            yield
        finally:
            self.give_back(taken_at_s)

    def _retry_after_s(self) -> int:
        estimate_s = 1 + self.waiting * self._mean_s / self._at_once
        return int(min(estimate_s, _LONGEST_RETRY_S))
