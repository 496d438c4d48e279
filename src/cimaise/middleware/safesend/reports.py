"""What is told of a message that was ignored: an event, a log line, a count, a callback."""

import asyncio
import inspect
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from traceback import FrameSummary, StackSummary
from typing import Final

from cimaise.middleware.safesend.wire import Reason

_MAX_FRAMES: Final = 16
_OWN_FOLDER: Final = str(Path(__file__).parent) + os.sep


@dataclass(frozen=True, slots=True)
class LateSend:
    """A message that was ignored, or cut at ``Content-Length``.

    Attributes:
        reason: ``deadline``: the time-out answer had gone. ``already_sent``: the handler's own
            answer was whole, or had begun and this is a second one. ``disconnected``: the client
            had gone. ``too_many_bytes``: past ``Content-Length``.
        method: Of the request.
        path: Of the request, decoded, as the client sent it: quote it before you print it.
        elapsed_s: Seconds since the request began.
        message_type: ASGI type of the message.
        traceback: Where it was sent from, most recent call last; ``None`` where not known.
    """

    reason: Reason
    method: str
    path: str
    elapsed_s: float
    message_type: str
    traceback: StackSummary | None = None

    @property
    def sender(self) -> str:
        """File, line and function that sent it, on one line."""
        if not self.traceback:
            return "unknown"
        frame = self.traceback[-1]
        return f"{frame.filename}:{frame.lineno} {frame.name}"


OnLate = Callable[[LateSend], Awaitable[None] | None]


class Reports:
    """Counts, logs and tells. Nothing that goes wrong in here reaches a request.

    Args:
        on_late: Called for every ignored message. What it awaits runs beside the request.
        logger: Where to; ``None`` writes nothing.
    """

    def __init__(self, on_late: OnLate | None, logger: logging.Logger | None) -> None:
        self._on_late = on_late
        self._logger = logger
        self._running: set[asyncio.Future[None]] = set()
        self.late_counts: dict[Reason, int] = {
            "deadline": 0,
            "already_sent": 0,
            "disconnected": 0,
            "too_many_bytes": 0,
        }
        self.deadline_count = 0

    def add(self, event: LateSend, *, is_first: bool) -> None:
        """One message was ignored.

        Args:
            event: What and why.
            is_first: The first of its request; the log has the others at level DEBUG, so that a
                handler that goes on streaming does not fill it.
        """
        self.late_counts[event.reason] += 1
        if self._logger is not None:
            self._logger.log(
                logging.WARNING if is_first else logging.DEBUG,
                "late send ignored (%s): %s %r, %s after %.3f s, from %s",
                event.reason,
                event.method,
                event.path,
                event.message_type,
                event.elapsed_s,
                event.sender,
            )
        if self._on_late is not None:
            self._tell(self._on_late, event)

    def add_deadline(self, method: str, path: str, timeout_s: float) -> None:
        """A time-out answer was given in place of the handler's."""
        self.deadline_count += 1
        if self._logger is not None:
            self._logger.warning("no answer within %g s: %s %r", timeout_s, method, path)

    def add_fault(self, what: str, fault: BaseException) -> None:
        """Something failed that nobody waits for any more."""
        if self._logger is not None:
            self._logger.error("%s failed", what, exc_info=fault)

    def _tell(self, on_late: OnLate, event: LateSend) -> None:
        try:
            waiting = on_late(event)
            if inspect.isawaitable(waiting):
                task = asyncio.ensure_future(self._finish(waiting))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        except Exception as fault:
            self.add_fault("on_late", fault)

    async def _finish(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as fault:
            self.add_fault("on_late", fault)


def sender_stack() -> StackSummary | None:
    """The stack of whoever called into this package, without this package's own frames.

    Source lines are not read here: formatting the summary does that.
    """
    frame = sys._getframe(1)  # noqa: SLF001 - the one way to see who called
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN_FOLDER):
        frame = frame.f_back
    frames: list[FrameSummary] = []
    caller = None if frame.f_code.co_filename.startswith(_OWN_FOLDER) else frame
    while caller is not None and len(frames) < _MAX_FRAMES:
        code = caller.f_code
        frames.append(
            FrameSummary(code.co_filename, caller.f_lineno, code.co_name, lookup_line=False)
        )
        caller = caller.f_back
    return StackSummary.from_list(frames[::-1]) if frames else None
