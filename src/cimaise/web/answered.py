"""What the middlewares around the routes say: the deadline's answer, and a line for each request."""

from typing import Final

from starlette.types import Scope

from cimaise import telemetry
from cimaise.errors import Unavailable
from cimaise.web.problems import problem_reply

_RETRY_S: Final = 5


def deadline_answer(_scope: Scope) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """What a request gets whose handler was too slow: status, headers, body."""
    error = Unavailable(
        "The server could not answer in time.", code="deadline", retry_after_s=_RETRY_S
    )
    reply = problem_reply(error, telemetry.request_id.get())
    return reply.status_code, list(reply.raw_headers), bytes(reply.body)


def access_log(
    *,
    method: str,
    path: str,
    status: int,
    elapsed_s: float,
    bytes_sent: int,
    request_id: str,  # noqa: ARG001 (every line has it already)
    outcome: str,
) -> None:
    """One line for each request; see ``middleware.request_id.AccessLog``."""
    telemetry.log(
        "request",
        method=method,
        path=path,
        status=status,
        ms=round(elapsed_s * 1000, 1),
        bytes=bytes_sent,
        outcome=outcome,
    )
