"""Where pictures are computed: a bounded pool of threads and a bounded queue in front of it.

The only place with threads for pixels. libvips lets go of Python's lock while it works, so
threads are enough; they run at nice 10 or more, so that cached answers stay fast while pictures
are made. One object is one lane: see :mod:`cimaise.images.lanes`.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from cimaise.images.places import Places
from cimaise.images.stopping import Stop

_Result = TypeVar("_Result")
NICENESS: Final = 10


class Workers:
    """One lane: ``threads`` pieces of work at once, ``queue`` more that wait."""

    def __init__(
        self,
        *,
        threads: int = 0,
        queue: int = 200,
        max_s: float = 30.0,
        niceness: int = NICENESS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start nothing yet; threads come with the first work.

        Args:
            threads: Pieces of work at the same time; 0: one more than there are cores, so that no
                core idles while a piece waits for the disk, for a process, or for its turn.
            queue: Pieces of work that may wait.
            max_s: Longest work on one piece; then it is told to stop, as being late.
            niceness: Of the threads, 0 to 19.
            clock: Seconds, for the estimate in ``retry_after_s``.
        """
        self.threads: Final = threads or (os.cpu_count() or 1) + 1
        self._max_s = max_s
        self._places = Places(at_once=self.threads, queue=queue, clock=clock)
        self._pool = ThreadPoolExecutor(
            self.threads, "picture", initializer=_be_nice, initargs=(niceness,)
        )

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a thread."""
        return self._places.waiting

    @property
    def taken(self) -> int:
        """How many pieces of work are done, or wait for a thread."""
        return self._places.taken

    async def run(self, work: Callable[[Stop], _Result]) -> _Result:
        """Do ``work`` in a thread.

        A caller that is cancelled while waiting gives its place back at once; while working,
        ``stop`` is asked, and the place is free when the thread has really ended.

        Raises:
            Unavailable: ``busy``; all places are taken.
            Invalid: ``too_complex``; the work took too long, and looked at ``stop``.
        """
        taken_at_s = await self._places.take()
        stop, loop = Stop(), asyncio.get_running_loop()

        def ended(_future: Future[_Result]) -> None:
            try:
                loop.call_soon_threadsafe(self._places.give_back, taken_at_s)
            except RuntimeError:  # the loop has gone, and with it everyone who waits
                pass

        try:
            future = self._pool.submit(work, stop)
        except BaseException:
            self._places.give_back(taken_at_s)
            raise
        future.add_done_callback(ended)
        late = loop.call_later(self._max_s, lambda: stop.ask(is_late=True))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            stop.ask()
            raise
        finally:
            late.cancel()

    async def close(self) -> None:
        """Wait until the running work has ended, and end the threads."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)


def _be_nice(niceness: int) -> None:
    # Only Linux keeps niceness by thread; elsewhere this would slow down the whole process.
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        except OSError:  # a sandbox may forbid it; then pictures are merely less polite
            pass
