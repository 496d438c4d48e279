"""The one table from errors to statuses, and the one shape that every error has.

``{"error": sentence, "code": name, "request_id": id}``, with ``limit`` and ``field`` where they
help. Nothing internal leaves: an unforeseen exception is a 500 that says only that it happened.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from cimaise import errors
from cimaise.errors import CimaiseError
from cimaise.rfc.ranges import format_unsatisfied

STATUSES: Final[Mapping[type[CimaiseError], int]] = {
    errors.Malformed: 400,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.WrongState: 409,
    errors.Gone: 410,
    errors.LengthRequired: 411,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.TypeNotAllowed: 415,
    errors.RangeNotSatisfiable: 416,
    errors.Invalid: 422,
    errors.TooMany: 429,
    errors.TakenDown: 451,
    errors.ClientGone: 499,
    errors.BrokenTransfer: 500,
    errors.UpstreamFailed: 502,
    errors.Unavailable: 503,
    errors.UpstreamTimedOut: 504,
}


CHALLENGE: Final = "/api/challenge"
"""Where a challenge is to be had."""


def status_of(error: CimaiseError) -> int:
    """The HTTP status of a foreseen error."""
    return STATUSES[type(error)]


def problem_body(error: CimaiseError, request_id: str) -> dict[str, Any]:
    """The JSON object of an error."""
    body: dict[str, Any] = {
        "error": error.message,
        "code": error.code,
        "request_id": request_id,
    }
    if error.limit is not None:
        body["limit"] = {"name": error.limit.name, "value": error.limit.value}
        if error.limit.actual is not None:
            body["limit"]["actual"] = error.limit.actual
    if error.code == "challenge_needed":
        body["challenge"] = CHALLENGE
    if error.field is not None:
        body["field"] = error.field
    return body


def problem_headers(error: CimaiseError) -> dict[str, str]:
    """The headers that an error asks for."""
    headers = {"cache-control": "no-store"}
    if isinstance(error, errors.NotSignedIn):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, errors.MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    if isinstance(error, errors.RangeNotSatisfiable):
        headers["content-range"] = format_unsatisfied(error.size)
        headers["accept-ranges"] = "bytes"
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    return headers


def problem_reply(
    error: CimaiseError, request_id: str, more: Mapping[str, str] | None = None
) -> Response:
    """The whole answer to a foreseen error; ``more`` is what some clients look for beside it."""
    return Response(
        msgspec.json.encode(problem_body(error, request_id) | dict(more or {})),
        status_code=status_of(error),
        headers=problem_headers(error),
        media_type="application/json",
    )


def fault_reply(request_id: str) -> Response:
    """The answer to an exception that nobody foresaw."""
    body = {
        "error": "The server made a mistake. It has been written down.",
        "code": "internal",
        "request_id": request_id,
    }
    return Response(
        msgspec.json.encode(body),
        status_code=500,
        headers={"cache-control": "no-store"},
        media_type="application/json",
    )
