"""What the middlewares around the routes say: the deadline's answer, and a line for each request."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.types import Scope

from cimaise import telemetry
from cimaise.errors import Unavailable
from cimaise.usage import RECEIVED, REQUESTS, SENT, Usage
from cimaise.web.replies.problems import problem_reply
from cimaise.web.uploads.body import POURED

UNKNOWN_ROUTE: Final = "other"
NO_FACTS: Final[Mapping[str, Any]] = MappingProxyType({})
_RETRY_S: Final = 5
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def deadline_answer(_scope: Scope) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """What a request gets whose handler was too slow: status, headers, body."""
    error = Unavailable(
        "The server could not answer in time.", code="deadline", retry_after_s=_RETRY_S
    )
    reply = problem_reply(error, telemetry.request_id.get())
    return reply.status_code, list(reply.raw_headers), bytes(reply.body)


class Answered:
    """What is written down of each request: a line of the log, metrics, and who used how much.

    See ``middleware.request_id.AccessLog``. Metrics go by the route's template, never by the path,
    of which there are as many as clients can think of.
    """

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def __call__(
        self,
        *,
        method: str,
        path: str,
        status: int,
        elapsed_s: float,
        bytes_sent: int,
        request_id: str,  # noqa: ARG002 (every line has it already)
        outcome: str,
        bytes_received: int = 0,
        facts: Mapping[str, Any] = NO_FACTS,
    ) -> None:
        """One request."""
        telemetry.log(
            "request",
            method=method,
            path=path,
            status=status,
            ms=round(elapsed_s * 1000, 1),
            bytes=bytes_sent,
            outcome=outcome,
        )
        bytes_received += facts.get(POURED, 0)
        route = facts.get("route", UNKNOWN_ROUTE)
        telemetry.count(
            "requests_total",
            route=route,
            method=method if method in _METHODS else UNKNOWN_ROUTE,
            status=str(status),
            outcome=outcome,
        )
        telemetry.observe("request_seconds", elapsed_s, route=route)
        telemetry.count("sent_bytes_total", bytes_sent, route=route)
        telemetry.count("received_bytes_total", bytes_received, route=route)
        account_id = facts.get("account_id", "")
        self._usage.add(REQUESTS, 1, account_id=account_id)
        self._usage.add(SENT, bytes_sent, account_id=account_id)
        self._usage.add(RECEIVED, bytes_received, account_id=account_id)
