"""What processes that serve together must agree on: leases, rates, places, signals, small values.

All of it may be lost at any time without harm to what is kept: a file, a quota, a right is never
in here. What must survive is in the database.

Promises that hold for every method of every backend:

* ``Unavailable`` where the backend cannot be reached, with two exceptions: rates and places are
  then counted by this process alone, and a signal is dropped.
* A name is any text. It is not shown to anybody, but it may be kept in the clear.
* Cancelling a call may leave it done or not done, never half done. What was taken and not given
  back ends by itself after its time.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

MISSED: Final = ""
"""What a subscriber hears where signals may have been lost: forget all that they could concern."""

MAX_SIGNAL_BYTES: Final = 1024
"""Longest signal: channel and message together, as UTF-8."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to be the only one at something, for a while.

    Attributes:
        name: Of what.
        token: Grows with every taking of any lease, also over restarts of the backend. Written
            beside what is done under the lease, it lets the database refuse whoever comes late:
            see ``cimaise.database.fence``.
    """

    name: str
    token: int


@dataclass(frozen=True, slots=True)
class Rate:
    """How a key stands after it was hit.

    Attributes:
        is_allowed: Whether this hit counted. One that is refused costs nothing.
        limit: As asked.
        remaining: Hits that would be allowed now.
        retry_after_s: Seconds until the same hit is allowed; 0 where it was.
        resets_in_s: Seconds until the whole limit is there again.
    """

    is_allowed: bool
    limit: int
    remaining: int
    retry_after_s: float
    resets_in_s: float


@dataclass(frozen=True, slots=True)
class Place:
    """One of the places at a key; give it back with ``leave``.

    Attributes:
        key: Of what.
        id: Of this place, unguessable.
        is_own: Counted by this process alone, because the backend was away.
    """

    key: str
    id: str
    is_own: bool = False


class State(Protocol):
    """See the head of this module. Made by :func:`cimaise.state.table.open_state`."""

    async def take_lease(self, name: str, *, ttl_s: float) -> Lease | None:
        """Take it, or ``None`` where somebody holds it. It ends by itself after ``ttl_s``."""
        ...

    async def renew_lease(self, lease: Lease, *, ttl_s: float) -> bool:
        """Hold it for ``ttl_s`` from now. False: it was lost, and may be another's."""
        ...

    async def release_lease(self, lease: Lease) -> None:
        """Give it back. Nothing happens where it was lost."""
        ...

    async def hit(self, key: str, *, limit: int, window_s: float, amount: int = 1) -> Rate:
        """Count ``amount`` against ``limit`` in ``window_s``: see :mod:`cimaise.state.rates`.

        Raises:
            ValueError: A limit, window or amount that is not positive.
        """
        ...

    async def enter(self, key: str, *, limit: int, ttl_s: float) -> Place | None:
        """Take one of ``limit`` places, or ``None`` where all are taken.

        It ends by itself after ``ttl_s``, for processes that die.
        """
        ...

    async def leave(self, place: Place) -> None:
        """Give a place back. Nothing happens where its time was over."""
        ...

    async def publish(self, channel: str, message: str) -> None:
        """Tell every process that listens, this one included; at most once each, soon.

        Where the backend is away only this process hears it.

        Raises:
            ValueError: Not one line of printable text, or longer than :data:`MAX_SIGNAL_BYTES`.
        """
        ...

    def subscribe(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """First :data:`MISSED`, when the backend listens; then messages, and it again after gaps.

        So what a subscriber keeps is good from the first word on, and until the next ``MISSED``.
        """
        ...

    async def get(self, key: str) -> str | None:
        """A value that is still within its time."""
        ...

    async def put(self, key: str, value: str, *, ttl_s: float) -> None:
        """Keep a value for ``ttl_s``; one that is there is replaced."""
        ...

    async def check(self) -> None:
        """Reach the backend; ``Unavailable`` where that fails."""
        ...

    async def close(self) -> None:
        """Free what is held. Nothing else may be called afterwards."""
        ...
