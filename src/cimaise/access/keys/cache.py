"""API keys that were looked up a moment ago, so that not every request asks the database."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from cimaise.access.emptying import emptied_by
from cimaise.access.policy import Principal

T = TypeVar("T")
_TTL: Final = timedelta(seconds=4)  # and what is remembered of answers: see the class
_MAX_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that is neither revoked nor its account disabled.

    Attributes:
        principal: Who comes with it.
        expires_at: From when it is refused; ``None``: never.
        last_used_at: When that was last written down.
    """

    principal: Principal
    expires_at: datetime | None
    last_used_at: datetime | None = None


class KeyCache:
    """At most 10,000 keys by digest, each for at most 4 seconds; used from one event loop.

    Whatever takes a right away runs inside :meth:`emptied_by`, so in this process it holds at
    once; another process notices when it is told, and in any case within 5 seconds.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[datetime, KnownKey]] = {}
        self._generation = 0
        self._followers: list[Callable[[], None]] = []
        self.tell: Callable[[], Awaitable[None]] | None = None
        """Called after a right was taken away, for other processes."""

    @property
    def generation(self) -> int:
        """Grows when the cache is emptied; take it before a look-up, give it to :meth:`put`."""
        return self._generation

    def get(self, digest: str) -> KnownKey | None:
        """What was found for the key in the last 4 seconds."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        found_at, known = entry
        if timedelta() <= self._clock() - found_at < _TTL:  # a clock set back must not prolong it
            return known
        del self._entries[digest]
        return None

    def put(self, digest: str, known: KnownKey, *, generation: int) -> None:
        """Keep what a look-up found, unless the cache was emptied since the look-up began."""
        if generation != self._generation:
            return
        self._entries.pop(digest, None)
        while len(self._entries) >= _MAX_KEYS:
            del self._entries[next(iter(self._entries))]  # the oldest
        self._entries[digest] = (self._clock(), known)

    def empty(self) -> None:
        """Forget everything, and what look-ups under way will find; followers do as well."""
        self._entries.clear()
        self._generation += 1
        for follower in self._followers:
            follower()

    def follow(self, empty: Callable[[], None]) -> None:
        """Call this whenever the cache is emptied: another one holds what depends on keys."""
        self._followers.append(empty)

    async def emptied_by(self, change: Coroutine[Any, Any, T]) -> T:
        """Run a change of rights and empty the cache after it, even if the caller is cancelled."""
        return await emptied_by(self, change)
