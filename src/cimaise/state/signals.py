"""Signals inside a process: who listens to what, and what may be said."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from cimaise.state.base import MAX_SIGNAL_BYTES, MISSED

_QUEUE: Final = 1000
"""Messages that wait for a slow subscriber; then it is told that it missed some."""


def require_signal(channel: str, message: str) -> None:
    """``ValueError`` unless both are printable, there, and short enough together."""
    if not (channel and message and channel.isprintable() and message.isprintable()):
        raise ValueError("a signal is a line of printable text")
    if len((channel + message).encode()) > MAX_SIGNAL_BYTES:
        raise ValueError(f"a signal has at most {MAX_SIGNAL_BYTES} bytes")


class Listeners:
    """The subscriptions of this process, by channel."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, set[asyncio.Queue[str]]] = defaultdict(set)

    @contextmanager
    def added(self, channel: str) -> Iterator["asyncio.Queue[str]"]:
        """A queue of what is told on a channel while the context lasts."""
        queue: asyncio.Queue[str] = asyncio.Queue(_QUEUE)
        self._queues[channel].add(queue)
        try:
            yield queue
        finally:
            self._queues[channel].discard(queue)
            if not self._queues[channel]:
                del self._queues[channel]

    @property
    def channels(self) -> tuple[str, ...]:
        """Those that somebody listens to."""
        return tuple(self._queues)

    def tell(self, channel: str, message: str) -> None:
        """Hand a message to those who listen; to one that is slow, that it missed some."""
        for queue in self._queues.get(channel, ()):
            is_slow = queue.full()
            while is_slow and not queue.empty():
                queue.get_nowait()
            queue.put_nowait(MISSED if is_slow else message)

    def tell_all(self, message: str) -> None:
        """On every channel."""
        for channel in self.channels:
            self.tell(channel, message)


async def messages(queue: "asyncio.Queue[str]") -> AsyncIterator[str]:
    """What comes into a queue, for ever."""
    while True:
        yield await queue.get()
