"""What is written down of answers that were ready: the same as of any other, at a fraction of it.

Tens of thousands of these leave in a second. Each is a line of the log, where lines are written,
and one value in the histogram; all else is added up by what was answered, and put where it
belongs once a second, or as soon as somebody wants to see it.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from cimaise import telemetry
from cimaise.usage import REQUESTS, SENT, Usage

_SETTLE_S: Final = 1.0


class Line(Protocol):
    """See ``cimaise.server.hot.Line``: the same object for every answer that is the same."""

    @property
    def method(self) -> str:
        """Of the request."""

    @property
    def path(self) -> str:
        """As it is logged."""

    @property
    def status(self) -> int:
        """As sent."""

    @property
    def bytes_sent(self) -> int:
        """Of the body."""

    @property
    def route(self) -> str:
        """Template of the route."""

    @property
    def account_id(self) -> str:
        """Who asked; empty for guests."""


@dataclass(slots=True)
class _Sum:
    seconds: telemetry.Observations
    is_logged: bool
    count: int = 0
    more_bytes: int = 0  # than the line says for so many


class AnsweredAtOnce:
    """Told of every ready answer; used from one event loop."""

    def __init__(self, usage: Usage) -> None:
        """Nothing is counted yet."""
        self._usage = usage
        self._sums: dict[Line, _Sum] = {}
        self._seconds: dict[str, telemetry.Observations] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._pictures = 0

    def __call__(self, line: Line, *, elapsed_s: float, request_id: str) -> None:
        """One picture, which is as long as all others with this line."""
        found = self._sums.get(line)
        if found is None:
            found = self._begin(line)
        self._pictures += 1
        found.count += 1
        found.seconds.add(elapsed_s)
        if found.is_logged:
            _log(line, line.bytes_sent, elapsed_s, request_id)

    def add(self, line: Line, bytes_sent: int, *, elapsed_s: float, request_id: str) -> None:
        """One answer of another length than the line says."""
        found = self._sums.get(line)
        if found is None:
            found = self._begin(line)
        found.count += 1
        found.more_bytes += bytes_sent - line.bytes_sent
        found.seconds.add(elapsed_s)
        if found.is_logged:
            _log(line, bytes_sent, elapsed_s, request_id)

    def settle(self) -> None:
        """Put what was added up where it belongs."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sums, self._sums = self._sums, {}
        for line, found in sums.items():
            self._count(line, found)
        for seconds in self._seconds.values():
            seconds.settle()
        pictures, self._pictures = self._pictures, 0
        telemetry.count("variants_total", pictures, outcome="ready")

    def _begin(self, line: Line) -> _Sum:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SETTLE_S, self.settle)
        seconds = self._seconds.get(line.route)
        if seconds is None:
            seconds = telemetry.Observations("request_seconds", route=line.route)
            self._seconds[line.route] = seconds
        found = self._sums[line] = _Sum(seconds, telemetry.is_logged("info"))
        return found

    def _count(self, line: Line, found: _Sum) -> None:
        telemetry.count(
            "requests_total",
            found.count,
            route=line.route,
            method=line.method,
            status=str(line.status),
            outcome="complete",
        )
        bytes_sent = line.bytes_sent * found.count + found.more_bytes
        telemetry.count("sent_bytes_total", bytes_sent, route=line.route)
        self._usage.add(REQUESTS, found.count, account_id=line.account_id)
        self._usage.add(SENT, bytes_sent, account_id=line.account_id)


def _log(line: Line, bytes_sent: int, elapsed_s: float, request_id: str) -> None:
    before = telemetry.request_id.set(request_id)
    telemetry.log(
        "request",
        method=line.method,
        path=line.path,
        status=line.status,
        ms=round(elapsed_s * 1000, 1),
        bytes=bytes_sent,
        outcome="complete",
    )
    telemetry.request_id.reset(before)
