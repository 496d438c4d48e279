"""Failures that are remembered for a while, so that a broken address is not asked again and again."""

import copy
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from cimaise.errors import CimaiseError

_MAX_REMEMBERED: Final = 1000


class Failures:
    """A small bounded map from what failed to how."""

    def __init__(
        self,
        *,
        ttl_s: float,
        clock: Callable[[], float] = time.monotonic,
        most: int = _MAX_REMEMBERED,
    ) -> None:
        """Make an empty one.

        Args:
            ttl_s: How long a failure is remembered; 0: not at all.
            clock: Seconds.
            most: How many are remembered.
        """
        self._ttl_s = ttl_s
        self._clock = clock
        self._most = most
        self._known: OrderedDict[str, tuple[float, CimaiseError]] = OrderedDict()

    def remember(self, key: str, failure: CimaiseError) -> None:
        """Keep a failure."""
        if self._ttl_s <= 0:
            return
        # A copy has no traceback, which would keep a request's whole memory alive.
        self._known[key] = (self._clock() + self._ttl_s, copy.copy(failure))
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def raise_known(self, key: str) -> None:
        """Raise what is remembered of ``key``, if anything is."""
        found = self._known.get(key)
        if found is None:
            return
        until, failure = found
        if self._clock() < until:
            raise copy.copy(failure)
        del self._known[key]
