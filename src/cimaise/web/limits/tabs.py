"""Rates for requests that cannot wait to be counted: they go on a tab, which is settled at once.

The shared state is asked by a message, an answer that is ready leaves before that. So up to
:data:`MOST_OWED` requests of one account may be under way to be counted; with more of them, or
where nothing was left when they were settled last, the request goes the usual way and is counted
there first.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cimaise.settings.rate import Allowance
from cimaise.state.base import State

MOST_OWED: Final = 50
_MOST_TABS: Final = 10_000


@dataclass(slots=True)
class _Tab:
    allowance: Allowance
    owed: int = 0
    closed_until_s: float = 0.0
    is_settling: bool = False


class Tabs:
    """Of one process; used from one event loop."""

    def __init__(self, state: State, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Args: monotonic: Seconds that never go back."""
        self._state = state
        self._monotonic = monotonic
        self._tabs: dict[str, _Tab] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def admit(self, key: str, allowance: Allowance) -> bool:
        """Count one request soon; ``False``: it is not counted and must go the usual way."""
        if not allowance.count:
            return True
        tab = self._tabs.get(key) or self._open(key, allowance)
        if tab.owed >= min(MOST_OWED, allowance.count) or self._monotonic() < tab.closed_until_s:
            return False
        tab.owed += 1
        if not tab.is_settling:
            tab.is_settling = True
            task = asyncio.get_running_loop().create_task(self._settle(key, tab))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def settled(self) -> None:
        """Wait until everything is counted."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    def _open(self, key: str, allowance: Allowance) -> _Tab:
        if len(self._tabs) >= _MOST_TABS:  # those that were closed for a while and are no more
            now_s = self._monotonic()
            kept = self._tabs.items()
            self._tabs = {
                key: tab for key, tab in kept if tab.is_settling or now_s < tab.closed_until_s
            }
        tab = self._tabs[key] = _Tab(allowance)
        return tab

    async def _settle(self, key: str, tab: _Tab) -> None:
        try:
            while tab.owed:
                amount, tab.owed = tab.owed, 0
                await self._hit(key, tab, amount)
        finally:
            tab.is_settling = False
            if self._monotonic() >= tab.closed_until_s:
                self._tabs.pop(key, None)

    async def _hit(self, key: str, tab: _Tab, amount: int) -> None:
        limit, window_s = tab.allowance.count, tab.allowance.window_s
        rate = await self._state.hit(key, limit=limit, window_s=window_s, amount=amount)
        if not rate.remaining:  # the next one comes within this time, and is counted first
            tab.closed_until_s = self._monotonic() + max(rate.retry_after_s, window_s / limit)
        elif not rate.is_allowed:  # fewer are left than were had: those at least
            await self._hit(key, tab, rate.remaining)
