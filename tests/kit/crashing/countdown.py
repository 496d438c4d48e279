"""Death at a chosen await point: every task of an event loop is stepped, and one step is the last."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine, Generator
from typing import Any


class Countdown:
    """Counts the await points of all tasks; at the chosen one the process gets SIGKILL.

    Args:
        kill_at: Number of the point, from 1; 0 for never.
        is_after: Die when what was awaited is done, before anybody learns of it. Otherwise die when
            it was asked for: it may not have begun, be half-way or be done.
        delay_s: Let that go on for so long before dying.
    """

    def __init__(self, kill_at: int, *, is_after: bool, delay_s: float) -> None:
        self.points = 0
        self._kill_at = kill_at
        self._is_after = is_after
        self._delay_s = delay_s

    def factory(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any
    ) -> "asyncio.Task[Any]":
        """For ``loop.set_task_factory``."""
        return asyncio.Task(_Stepped(coroutine, self), loop=loop, **more)

    def suspended(self) -> int:
        """A task awaits something; gives the point's number."""
        self.points += 1
        if self.points == self._kill_at and not self._is_after:
            self._die()
        return self.points

    def resumed(self, point: int) -> None:
        """What a task awaited is done."""
        if point == self._kill_at and self._is_after:
            self._die()

    def _die(self) -> None:
        if self._delay_s:
            time.sleep(self._delay_s)
        os.kill(os.getpid(), signal.SIGKILL)


class _Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that says when it waits and when it goes on."""

    def __init__(self, inner: Any, countdown: Countdown) -> None:
        self._inner = inner
        self._countdown = countdown
        self._point = 0

    def send(self, value: Any) -> Any:
        self._countdown.resumed(self._point)
        awaited = self._inner.send(value)
        self._point = self._countdown.suspended()
        return awaited

    def throw(self, *fault: Any) -> Any:
        self._countdown.resumed(self._point)
        awaited = self._inner.throw(*fault)
        self._point = self._countdown.suspended()
        return awaited

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError("a task sends; nobody awaits")
