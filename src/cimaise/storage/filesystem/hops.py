"""Blocking work in a bounded pool of threads, and the one translation of its errors."""

import asyncio
from collections.abc import AsyncIterable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import ParamSpec, Protocol, TypeVar

from cimaise.errors import Unavailable
from cimaise.storage.bodies import gathered

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
        future = loop.run_in_executor(self._pool, lambda: _translated(work, *args, **kwargs))
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

    def close(self) -> None:
        """Wait for the threads and end them."""
        self._pool.shutdown()


def _translated(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return work(*args, **kwargs)
    except OSError as fault:
        raise Unavailable("The storage cannot be read or written.") from fault


class Draft(Protocol[T_co]):
    """Bytes on their way to become visible. Every method blocks."""

    def start(self) -> None:
        """Take what is needed."""
        ...

    def append(self, pieces: list[bytes]) -> None:
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
        async with aclosing(gathered(chunks)) as lists:
            async for pieces in lists:
                await hops.run(draft.append, pieces)
        return await hops.run(draft.finish)
    except BaseException:
        await hops.run(draft.discard)
        raise
