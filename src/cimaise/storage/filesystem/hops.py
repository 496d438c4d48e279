"""Blocking work in a bounded pool of threads, and the one translation of its errors."""

import asyncio
import time
from collections.abc import AsyncIterable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from typing import Final, ParamSpec, Protocol, TypeVar

from cimaise.errors import Unavailable
from cimaise.storage.bodies import HOP_BYTES, Piece, Pour, gathered, pour_of
from cimaise.tasks import to_the_end

SLOW_WRITE_S: Final = 0.02
_SLOW_FOR_S: Final = 1.0
STEP_BYTES: Final = 2 * 1024 * 1024
"""Bytes of a body that are written before others have their turn."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
P = ParamSpec("P")


class Hops:
    """Threads of one storage."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` in a thread.

        Cancelling cannot stop a thread: it is waited for, and the cancellation is seen after it.
        So nothing that ``work`` uses, such as a descriptor, is taken away while it runs.

        Raises:
            Unavailable: For every ``OSError`` that ``work`` did not name itself.
        """
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, lambda: translated(work, *args, **kwargs))
        return await to_the_end(future)

    def close(self) -> None:
        """Wait for the threads and end them."""
        self._pool.shutdown()


def translated(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do ``work``; ``Unavailable`` for every ``OSError`` that it did not name itself."""
    try:
        return work(*args, **kwargs)
    except OSError as fault:
        raise Unavailable("The storage cannot be read or written.") from fault


class Pace:
    """Whether the disk takes bytes as fast as memory does: then no thread is needed to write them.

    While the kernel holds writers back, because too much is waiting for the disk, a write on the
    event loop would hold up everybody.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slow_until_s = 0.0

    @property
    def is_slow(self) -> bool:
        """Write in a thread at the moment."""
        return self._slow_until_s > self._clock()

    def timed(self, write: Callable[[], None]) -> None:
        """Write, and see how long that takes."""
        began_s = self._clock()
        write()
        now_s = self._clock()
        if now_s - began_s > SLOW_WRITE_S:
            self._slow_until_s = now_s + _SLOW_FOR_S


class Draft(Protocol[T_co]):
    """Bytes on their way to become visible. Every method blocks."""

    def start(self) -> None:
        """Take what is needed."""
        ...

    def append(self, pieces: Sequence[Piece]) -> None:
        """Write these bytes after the earlier ones."""
        ...

    def finish(self) -> T_co:
        """Make all of it durable, then visible."""
        ...

    def discard(self) -> None:
        """Leave nothing, unless :meth:`finish` was done."""
        ...


async def pour(hops: Hops, chunks: AsyncIterable[bytes], draft: Draft[T]) -> T:
    """All of ``chunks`` through ``draft``; nothing is left of it on errors and cancellation."""
    try:
        await hops.run(draft.start)
        short = pour_of(chunks)
        if short is None:
            async with aclosing(gathered(chunks)) as lists:
                async for pieces in lists:
                    await hops.run(draft.append, pieces)
        else:
            await _pour_at_once(hops, short, draft)
        return await hops.run(draft.finish)
    except BaseException:
        await hops.run(draft.discard)
        raise


async def _pour_at_once(hops: Hops, short: Pour, draft: Draft[T]) -> None:
    """Write each piece where it comes, without a thread, as long as the disk keeps up."""
    pace, more = Pace(), True
    while more:
        if pace.is_slow:
            pieces, more = await _held(short)
            await hops.run(pace.timed, partial(draft.append, pieces))
        else:
            more = await short(partial(_write, pace, draft), STEP_BYTES, by_pipe=True)


def _write(pace: Pace, draft: Draft[T], piece: Piece) -> None:
    """Here, or in a thread of whoever gives the piece."""
    write = partial(translated, draft.append, [piece])
    if isinstance(piece, bytes | memoryview) or not piece.apart(write, _nothing):
        pace.timed(write)


def _nothing() -> None:
    """Nobody holds anything for a piece."""


async def _held(short: Pour) -> tuple[list[bytes], bool]:
    """Enough for a hop, copied; and whether more may come."""
    pieces: list[bytes] = []
    more = await short(lambda piece: pieces.append(bytes(piece)), HOP_BYTES)
    return pieces, more
