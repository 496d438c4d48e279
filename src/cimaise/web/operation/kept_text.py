"""A text that is dear to make, kept for a moment and made once however many ask for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class KeptText:
    """Of one event loop."""

    def __init__(
        self,
        make: Callable[[], Awaitable[bytes]],
        keep_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is made yet.

        Args:
            make: Makes it.
            keep_s: How long it is good, from when it was begun; 0: it is made for whoever asks,
                though those who ask while it is made get it as well.
            clock: Seconds that only go up.
        """
        self._make = make
        self._keep_s = keep_s
        self._clock = clock
        self._text = b""
        self._until_s = clock()
        self._making: asyncio.Task[bytes] | None = None

    async def get(self) -> bytes:
        """The text. What making it raises is raised to all who wait for it."""
        if self._clock() < self._until_s:
            return self._text
        if self._making is None:
            self._making = asyncio.create_task(self._made())
        return await asyncio.shield(self._making)  # whoever goes away does not stop it for others

    async def _made(self) -> bytes:
        until_s = self._clock() + self._keep_s
        try:
            self._text = await self._make()
            self._until_s = until_s
            return self._text
        finally:
            self._making = None
