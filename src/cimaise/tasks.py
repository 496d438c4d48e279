"""Tasks that never end, and work that is waited for to its end.

Loops and listeners run beside the requests. Nobody awaits them, so nobody would notice that a
fault has ended one: it goes on instead.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from cimaise import telemetry

T = TypeVar("T")
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0


async def forever(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Do it again and again, until this is cancelled.

    After a fault it is begun anew, after a pause that doubles from fault to fault. What has lasted
    for longer than the longest pause is taken to be well again.

    Args:
        name: For the log.
        work: One turn. It waits for something: a time, a message.
        sleep: Waits so many seconds.
        now: Seconds that only go up.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        began = now()
        try:
            await work()
        except Exception as fault:
            telemetry.log("loop_failed", level="error", loop=name, fault=fault)
            if now() - began > LONGEST_PAUSE_S:
                pause_s = FIRST_PAUSE_S
            await sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            pause_s = FIRST_PAUSE_S


class Forever:
    """Such work of one event loop, from :meth:`start` to :meth:`stop`."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Nothing runs yet; the arguments are those of :func:`forever`."""
        self._name = name
        self._work = work
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._task is not None

    def start(self) -> None:
        """Begin, where it does not run already."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(forever(self._name, self._work))

    async def stop(self) -> None:
        """Cancel it and wait for its end; it may be started again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


async def to_the_end(future: asyncio.Future[T]) -> T:
    """What comes of work that cannot be stopped, such as a thread's.

    It is waited for also where the waiter is cancelled, and the cancellation is seen after it. So
    nothing that the work uses is taken away while it runs, and what it did is known.
    """
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                continue  # the first cancellation is raised below
        if not future.cancelled():
            future.exception()  # seen: the cancellation is what the caller learns
        raise
