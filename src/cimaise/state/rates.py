"""Rates by the generic cell rate algorithm: one number a key, no queue, no window that jumps.

ITU-T I.371 calls it so; it is a token bucket that is counted from its other end. The number is
the *arrival time*: the moment at which all hits so far would have arrived, had they come evenly
spaced. A hit moves it on by ``window / limit``. It is refused where that would put it more than a
window ahead of now. So at most ``limit`` come at once, and over any time ``t`` at most
``limit + limit * t / window``.
"""

import math
from typing import Final

from cimaise.state.base import Rate

_GRAIN_S: Final = 1e-6
"""Times are told to the microsecond; what is nearer than that is the same."""


def require_rate(limit: int, window_s: float, amount: int) -> None:
    """``ValueError`` unless all three are positive."""
    if limit < 1 or window_s <= 0 or amount < 1:
        raise ValueError("a rate needs a positive limit, window and amount")


def hit(
    arrival_s: float | None, *, now_s: float, limit: int, window_s: float, amount: int
) -> tuple[float, Rate]:
    """The next arrival time, and what to answer.

    Args:
        arrival_s: What was kept of the key; ``None``: nothing. What lies further ahead than one
            window (a clock that was set back) counts as one window ahead.
        now_s: The time, in seconds of any clock that all who ask share.
        limit: Most hits at once.
        window_s: Time in which as many come again.
        amount: How many hits this one counts for.

    Returns:
        What to keep, the same as ``arrival_s`` where the hit is refused, and the rate.
    """
    start = now_s if arrival_s is None else min(max(arrival_s, now_s), now_s + window_s)
    moved = start + amount * window_s / limit
    is_allowed = moved <= now_s + window_s + _GRAIN_S
    arrival = moved if is_allowed else start
    return arrival, read(
        ahead_s=arrival - now_s,
        wait_s=0.0 if is_allowed else moved - now_s - window_s,
        is_allowed=is_allowed,
        limit=limit,
        window_s=window_s,
    )


def read(*, ahead_s: float, wait_s: float, is_allowed: bool, limit: int, window_s: float) -> Rate:
    """How a key stands whose arrival time is ``ahead_s`` from now."""
    free = (window_s - ahead_s + _GRAIN_S) * limit / window_s
    return Rate(
        is_allowed=is_allowed,
        limit=limit,
        remaining=max(0, min(limit, math.floor(free))),
        retry_after_s=wait_s,
        resets_in_s=max(0.0, ahead_s),
    )
