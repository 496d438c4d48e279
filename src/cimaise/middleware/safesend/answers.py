"""The answer that a client gets when the deadline has passed."""

from collections.abc import Callable
from typing import Final

from cimaise.middleware.safesend.asgi import Headers, Message, Scope
from cimaise.middleware.safesend.wire import BODY, START

DeadlineResponse = Callable[[Scope], tuple[int, Headers, bytes]]

_BODY: Final = b'{"error":"The server could not answer in time.","code":"deadline"}'


def plain_answer(scope: Scope) -> tuple[int, Headers, bytes]:  # noqa: ARG001
    """Status, headers and body where the application brings no answer of its own.

    RFC 9110 §15.6.4 and §10.2.3: 503 with ``Retry-After`` in seconds.
    """
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"5"),
    ]
    return 503, headers, _BODY


def messages_of(answer: tuple[int, Headers, bytes], method: str) -> tuple[Message, Message]:
    """An answer as ASGI messages, with its Content-Length, and without the body for HEAD."""
    status, headers, body = answer
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    kept.append((b"content-length", str(len(body)).encode("ascii")))
    return (
        {"type": START, "status": status, "headers": kept},
        {"type": BODY, "body": b"" if method == "HEAD" else body, "more_body": False},
    )
