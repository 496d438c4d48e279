"""What has been made is kept and made once: by all requests, processes and machines together."""

import contextlib
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from cimaise.errors import CimaiseError
from cimaise.images.keeping.alone import Alone
from cimaise.images.keeping.cache import Cache
from cimaise.images.keeping.entry import Entry, entry_name, source_folder
from cimaise.images.keeping.flights import Flights, Give
from cimaise.images.keeping.shared_cache import SharedCache
from cimaise.state.base import MISSED, State
from cimaise.tasks import Forever
from cimaise.telemetry import log

CHANNEL: Final = "variants"
_EVERYTHING: Final = "*"
_FOLDER: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}/")  # a signal becomes a path: nothing else


class Kept:
    """Kept variants. Belongs to one event loop; ``close`` it."""

    def __init__(
        self,
        cache: Cache,
        *,
        shared: SharedCache | None = None,
        alone: Alone | None = None,
        state: State | None = None,
        on_change: Callable[[str], None] = lambda _folder: None,
    ) -> None:
        """Put the parts together.

        Args:
            cache: On this machine's disk; started.
            shared: Behind it, for all machines.
            alone: Locks among processes; ``None`` where there is only this one.
            state: Tells other processes what was purged.
            on_change: Called with the folder of a source that was purged, here or elsewhere, and
                with an empty text where anything may have changed: for what is kept in front.
        """
        self._cache = cache
        self._shared = shared
        self._alone = alone
        self._state = state
        self._on_change = on_change
        self._flights: Flights[Entry] = Flights()
        self._purges = 0
        self._listening = Forever("purges", self._listen)

    def start(self) -> None:
        """Listen to what other processes purge."""
        if self._state is not None:
            self._listening.start()

    async def stop(self) -> None:
        """Listen no more."""
        await self._listening.stop()

    @property
    def size(self) -> int:
        """Bytes on this machine's disk, as far as this process knows."""
        return self._cache.size

    async def get(self, source: str, variant: str) -> Entry | None:
        """What this machine keeps: see :meth:`Cache.get`."""
        return await self._cache.get(source, variant)

    async def put(self, source: str, variant: str, entry: Entry) -> None:
        """Keep an entry that nobody waits for."""
        await self._keep(source, variant, entry)

    async def once(
        self,
        source: str,
        variant: str,
        make: Callable[[], Awaitable[Entry]],
        *,
        is_fresh: Callable[[Entry], bool] = lambda _entry: True,
    ) -> Entry:
        """An entry that :meth:`get` did not have: another's, or the one that ``make`` makes.

        Kept after it was given out. Raises what ``make`` raises.

        Args:
            source: Identity of the source.
            variant: What is made of it.
            make: Makes it; called at most once at a time for all processes together.
            is_fresh: Whether one that others have kept meanwhile will do.
        """
        purges, name = self._purges, entry_name(source, variant)

        async def work(give: Give[Entry]) -> None:
            async with self._held(name):
                # made by whoever was at it between the caller's look and this place
                kept = await self._of_others(source, variant)
                if kept is not None and is_fresh(kept):
                    give(kept)
                    return
                made = await make()
                give(made)
                if self._purges == purges:  # else it may be what was just removed
                    await self._keep(source, variant, made)

        return await self._flights.fly(name, work)

    async def purge(self, source: str) -> None:
        """Remove everything made of a source, everywhere; what is being made will not be kept."""
        folder = source_folder(source)
        await self._purge_here(folder)
        await self._tell(folder)
        if self._shared is not None:
            await self._shared.purge_folder(folder)

    async def doubt(self) -> None:
        """Tell all processes that who may see what has changed for many pictures at once."""
        self._on_change("")
        await self._tell(_EVERYTHING)

    async def settled(self) -> None:
        """Wait until everything that was made has been kept."""
        await self._flights.settled()

    async def close(self) -> None:
        """Let what is under way end, stop listening, and close the cache."""
        await self.settled()
        await self.stop()
        if self._alone is not None:
            self._alone.close()
        await self._cache.close()

    def _held(self, name: str) -> AbstractAsyncContextManager[None]:
        return contextlib.nullcontext() if self._alone is None else self._alone.held(name)

    async def _of_others(self, source: str, variant: str) -> Entry | None:
        kept = await self._cache.get(source, variant)
        if kept is not None or self._shared is None:
            return kept
        kept = await self._shared.get(source, variant)
        if kept is not None:
            await self._cache.put(source, variant, kept)
        return kept

    async def _keep(self, source: str, variant: str, made: Entry) -> None:
        await self._cache.put(source, variant, made)
        if self._shared is not None:
            await self._shared.put(source, variant, made)

    async def _purge_here(self, folder: str) -> None:
        self._purges += 1
        self._flights.forget(folder)
        self._on_change(folder)
        await self._cache.purge_folder(folder)

    async def _tell(self, message: str) -> None:
        if self._state is None:
            return
        try:
            await self._state.publish(CHANNEL, message)
        except CimaiseError as fault:
            log("picture_failed", level="warning", reason="purge not told", detail=fault.message)

    async def _listen(self) -> None:
        assert self._state is not None  # or else it is not started
        async with self._state.subscribe(CHANNEL) as messages:
            async for message in messages:
                if message in (MISSED, _EVERYTHING):
                    self._on_change("")
                elif _FOLDER.fullmatch(message):
                    await self._purge_here(message)
