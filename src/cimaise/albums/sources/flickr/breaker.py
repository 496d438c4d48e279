"""A circuit breaker: who fails again and again is left in peace for a while."""

from collections.abc import Callable
from typing import Final

from cimaise.errors import Unavailable

_FAILURES: Final = 3
_FIRST_PAUSE_S: Final = 15.0
_LONGEST_PAUSE_S: Final = 900.0


class Breaker:
    """Closed: calls go through. Open after three failures in a row: none does, for 15 s, and twice
    as long each time that the one call that is then tried fails as well, up to 15 minutes.
    """  # noqa: D205

    def __init__(self, clock: Callable[[], float]) -> None:
        """Args: clock: Seconds that only grow."""
        self._clock = clock
        self._failures = 0
        self._pause_s = _FIRST_PAUSE_S
        self._open_until: float | None = None
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        """No call would go through now."""
        return self._open_until is not None and (
            self._is_trying or self._clock() < self._open_until
        )

    def require_closed(self) -> None:
        """A call may be made, and must be followed by one of the others; else ``Unavailable``."""
        if self.is_open:
            assert self._open_until is not None
            wait_s = max(1, round(self._open_until - self._clock()))
            raise Unavailable("The source does not answer.", retry_after_s=wait_s)
        self._is_trying = self._open_until is not None

    def succeeded(self) -> None:
        """The call was answered: all is well."""
        self._failures, self._pause_s = 0, _FIRST_PAUSE_S
        self._open_until, self._is_trying = None, False

    def failed(self) -> None:
        """The call was not answered, or not as it should be."""
        self._failures += 1
        if self._is_trying:
            self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        if self._is_trying or self._failures >= _FAILURES:
            self._open_until = self._clock() + self._pause_s
        self._is_trying = False

    def gave_up(self) -> None:
        """The call was ended by ourselves: it says nothing of the other side."""
        self._is_trying = False
