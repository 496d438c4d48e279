"""State of one machine: rates in mapped memory, signals by pipes, the rest in a small SQLite file."""

import asyncio
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from cimaise.errors import Unavailable
from cimaise.state.base import Lease, Place, Rate
from cimaise.state.local.facts import Facts
from cimaise.state.local.pipes import Pipes
from cimaise.state.local.shared_rates import SharedRates
from cimaise.state.signals import require_signal

P = ParamSpec("P")
T = TypeVar("T")
_TIDY_EVERY: Final = 256
"""Changes between two times that what has ended is forgotten."""


class LocalState:
    """See :class:`cimaise.state.base.State`.

    Args:
        folder: Its files; made where it is not there. All processes of the machine name the same.
        clock: Seconds since 1970, the same in all processes.
        new_id: Texts that nobody can guess.

    Raises:
        OSError: The folder or a file in it cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._new_id = new_id
        self._rates = SharedRates(folder / "rates", clock)
        self._pipes = Pipes(folder / "signals", new_id)
        self._path = folder / "facts.db"
        self._clock = clock
        self._facts: Facts | None = None
        self._changes = 0
        self._own: Counter[str] = Counter()  # places, while the file cannot be used
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="state")

    async def _do(self, work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """Run in the thread of the file; its errors become ours."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, lambda: work(*args, **more))
        except (sqlite3.Error, OSError) as fault:
            raise Unavailable("The state of this machine cannot be read or written.") from fault

    def _open(self) -> Facts:
        """In the thread: the file, opened when it is first needed."""
        if self._facts is None:
            self._facts = Facts(self._path, self._clock)
        self._changes += 1
        if self._changes % _TIDY_EVERY == 0:
            self._facts.forget_ended()
        return self._facts

    async def take_lease(self, name: str, *, ttl_s: float) -> Lease | None:
        """See the protocol."""
        return await self._do(lambda: self._open().take_lease(name, ttl_s))

    async def renew_lease(self, lease: Lease, *, ttl_s: float) -> bool:
        """See the protocol."""
        return await self._do(lambda: self._open().renew_lease(lease, ttl_s))

    async def release_lease(self, lease: Lease) -> None:
        """See the protocol."""
        await self._do(lambda: self._open().release_lease(lease))

    async def hit(self, key: str, *, limit: int, window_s: float, amount: int = 1) -> Rate:
        """See the protocol."""
        return self._rates.hit(key, limit=limit, window_s=window_s, amount=amount)

    async def enter(self, key: str, *, limit: int, ttl_s: float) -> Place | None:
        """See the protocol."""
        place = Place(key, self._new_id())
        try:
            entered = await self._do(lambda: self._open().enter(key, place.id, limit, ttl_s))
        except Unavailable:
            return self._enter_own(key, limit)
        return place if entered else None

    def _enter_own(self, key: str, limit: int) -> Place | None:
        """A place of this process alone."""
        if self._own[key] >= limit:
            return None
        self._own[key] += 1
        return Place(key, "", is_own=True)

    async def leave(self, place: Place) -> None:
        """See the protocol. A place that cannot be given back now ends by itself."""
        if not place.id:
            self._own[place.key] -= 1
            self._own += Counter()  # forgets those that nobody has a place at
            return
        with suppress(Unavailable):
            await self._do(lambda: self._open().leave(place.key, place.id))

    async def publish(self, channel: str, message: str) -> None:
        """See the protocol."""
        require_signal(channel, message)
        self._pipes.publish(channel, message)

    def subscribe(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See the protocol."""
        return self._pipes.subscribe(channel)

    async def get(self, key: str) -> str | None:
        """See the protocol."""
        return await self._do(lambda: self._open().get(key))

    async def put(self, key: str, value: str, *, ttl_s: float) -> None:
        """See the protocol."""
        await self._do(lambda: self._open().put(key, value, ttl_s))

    async def check(self) -> None:
        """See the protocol."""
        await self._do(lambda: self._open().check())

    async def close(self) -> None:
        """See the protocol."""
        self._pipes.close()
        await self._do(self._close_facts)
        self._pool.shutdown()
        self._rates.close()

    def _close_facts(self) -> None:
        if self._facts is not None:
            self._facts.close()
