"""A name for every request: in the log, in the answer, in errors."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

from cimaise.telemetry import request_id as request_id_var

__all__ = ["AccessLog", "Outcome", "RequestIdMiddleware", "request_id_var"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

NO_FACTS: Final[Mapping[str, Any]] = MappingProxyType({})
Outcome = Literal["complete", "broken", "disconnected", "failed"]

UNSENT: Final = "cimaise.unsent"
"""Extension of the scope, where the server tells what it was handed and could not send."""

HEADER: Final = b"x-request-id"
CLIENT_GONE: Final = 499  # never sent: what the log says of a request that nobody waited for
FAULT: Final = 500  # what a server answers where the application gave no answer

_ACCEPTABLE: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_logger: Final = logging.getLogger("cimaise.middleware.request_id")


class AccessLog(Protocol):
    """What is told of a request when its answer has gone; always by keywords."""

    def __call__(
        self,
        *,
        method: str,
        path: str,
        status: int,
        elapsed_s: float,
        bytes_sent: int,
        request_id: str,
        outcome: Outcome,
        bytes_received: int = 0,
        facts: Mapping[str, Any] = NO_FACTS,
    ) -> None:
        """Write one line.

        Args:
            method: Of the request.
            path: Decoded and as the client sent it: quote it before you print it.
            status: As sent; 499 where the client went before, 500 where nothing was answered.
            elapsed_s: Seconds from the request to the end of the answer.
            bytes_sent: Bytes of the body that were handed to the server, before any coding; less
                what it says it could not send.
            bytes_received: Bytes of the request's body that the application took.
            request_id: The request's id.
            outcome: ``complete``; ``broken``: failed after the start; ``disconnected``: the
                client went first; ``failed``: there was no answer at all.
            facts: ``scope["state"]``, as the application left it.
        """
        ...


class RequestIdMiddleware:
    """Names each request, says the name in ``X-Request-Id``, and writes the access log.

    The client's own id is taken where there is exactly one of 8 to 64 letters, digits, ``_`` and
    ``-``; anything else is replaced, never an error. The id is in ``scope["state"]["request_id"]``
    and in :data:`request_id_var`, which stays set to the end of the request's task, so that what
    the server logs about a failure carries it too. ``websocket`` and ``lifespan`` pass through.

    Args:
        app: The application.
        new_id: Makes an id; 8 to 64 letters, digits, ``_`` and ``-``.
        access_log: Called once a request. Its failures are logged and harm nothing.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        new_id: Callable[[], str],
        access_log: AccessLog | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._new_id = new_id
        self._access_log = access_log
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application under an id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _client_id(scope) or self._new_id()
        request_id_var.set(request_id)
        named = {**scope, "state": {**scope.get("state", {}), "request_id": request_id}}
        visit = _Visit(
            scope,
            receive,
            send,
            request_id=request_id,
            access_log=self._access_log,
            clock=self._clock,
            facts=named["state"],
        )
        try:
            await self._app(named, visit.receive, visit.send)
        finally:
            visit.end()


def _client_id(scope: Scope) -> str | None:
    values = [value for name, value in scope["headers"] if name.lower() == HEADER]
    if len(values) == 1 and _ACCEPTABLE.fullmatch(values[0]):
        return str(values[0], "ascii")
    return None


class _Visit:
    """One request as the access log sees it."""

    __slots__ = (
        "_access_log",
        "_bytes_received",
        "_bytes_sent",
        "_clock",
        "_declared",
        "_facts",
        "_has_ended",
        "_is_gone",
        "_is_head",
        "_receive",
        "_request_id",
        "_scope",
        "_send",
        "_started_at",
        "_status",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        request_id: str,
        access_log: AccessLog | None,
        clock: Callable[[], float],
        facts: Mapping[str, Any],
    ) -> None:
        self._scope = scope
        self._request_id = request_id
        self._receive = receive
        self._send = send
        self._access_log = access_log
        self._clock = clock
        self._started_at = clock()
        self._status = 0
        self._declared: int | None = None
        self._bytes_sent = 0
        self._bytes_received = 0
        self._facts = facts
        self._is_head = scope["method"] == "HEAD"
        self._is_gone = False
        self._has_ended = False

    async def receive(self) -> Message:
        """The next message; a disconnect is noted."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_gone = True
        else:
            self._bytes_received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Hand a message on; a start with our header."""
        kind = message["type"]
        if kind == "http.response.start":
            message = self._begin(message)
        await self._send(message)
        if kind == "http.response.body":
            self._count(len(message.get("body", b"")))
        elif kind == "http.response.zerocopysend":
            self._count(message.get("count"))
        elif kind == "http.response.pathsend":
            self._count(None)
        else:
            return
        if not self._is_gone and not message.get("more_body", False):
            self._write("complete")

    def end(self) -> None:
        """The application is left; nothing where its answer was whole before."""
        if self._is_gone:
            self._status = self._status or CLIENT_GONE
            self._write("disconnected")
        elif self._status:
            self._write("broken")
        else:
            self._status = FAULT
            self._write("failed")

    def _begin(self, message: Message) -> Message:
        self._status = self._status or message["status"]
        headers = []
        for name, value in message.get("headers", ()):
            lowered = name.lower()
            if lowered == b"content-length" and value.isdigit():
                self._declared = int(value)
            if lowered != HEADER:
                headers.append((name, value))
        headers.append((HEADER, self._request_id.encode("ascii")))
        return {**message, "headers": headers}

    def _count(self, size: int | None) -> None:
        """Add bytes; ``None``: to the end of a file, which is what Content-Length still wants."""
        if self._is_head:
            return
        if size is not None:
            self._bytes_sent += size
        elif self._declared is not None:
            self._bytes_sent = self._declared

    def _write(self, outcome: Outcome) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        unsent = self._scope.get("extensions", {}).get(UNSENT, {}).get("bytes", 0)
        if self._access_log is None:
            return
        try:
            self._access_log(
                method=self._scope["method"],
                path=self._scope["path"],
                status=self._status,
                elapsed_s=self._clock() - self._started_at,
                bytes_sent=max(0, self._bytes_sent - unsent),
                bytes_received=self._bytes_received,
                request_id=self._request_id,
                outcome=outcome,
                facts=self._facts,
            )
        except Exception:
            _logger.exception("the access log failed")
