"""Links that were looked up a moment ago: a player asks for a film in many ranges."""

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from cimaise.access.emptying import emptied_by
from cimaise.access.links.rows import Link

T = TypeVar("T")
TTL_S: Final = 0.5
"""With what is remembered of answers for as long (``images/hot_own.py``) a second at most: the
longest that another process goes on with a link that was taken back."""

_MAX_LINKS: Final = 10_000


class LinkCache:
    """At most 10,000 links without a limit of uses, each for half a second; used from one event loop.

    Whatever takes a right away empties it after its transaction, so in this process it holds at
    once; another process notices when told, and in any case within a second.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Args: monotonic: Seconds that never go back."""
        self._monotonic = monotonic
        self._entries: dict[str, tuple[float, Link]] = {}
        self.tell: Callable[[], Awaitable[None]] | None = None
        """Called after a right was taken away, for other processes."""
        self.generation = 0
        """Grows when it is emptied; take it before a look-up, give it to :meth:`put`."""

    def get(self, link_id: str) -> Link | None:
        """What was found for the link within the last half second."""
        entry = self._entries.get(link_id)
        if entry is None:
            return None
        if self._monotonic() - entry[0] < TTL_S:
            return entry[1]
        del self._entries[link_id]
        return None

    def put(self, link: Link, *, generation: int) -> None:
        """Keep what a look-up found, unless the cache was emptied since the look-up began."""
        if generation != self.generation:
            return
        self._entries.pop(link.id, None)
        while len(self._entries) >= _MAX_LINKS:
            del self._entries[next(iter(self._entries))]  # the oldest
        self._entries[link.id] = (self._monotonic(), link)

    def empty(self) -> None:
        """Forget everything, and what look-ups under way will find."""
        self._entries.clear()
        self.generation += 1

    async def emptied_by(self, change: Coroutine[Any, Any, T]) -> T:
        """Run a change of rights and empty the cache after it, even if the caller is cancelled."""
        return await emptied_by(self, change)
