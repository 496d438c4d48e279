"""Answers that are ready: sent by the connection itself, before there is a task or a scope.

What is kept, and for how long it is true, is the application's: this only looks it up and keeps
to HTTP. Whatever is not plainly the same for everybody (a range, a precondition other than the
usual one, somebody who signs in by a header) goes the whole way.
"""

import itertools
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol
from urllib.parse import unquote

from cimaise.server.answers import STATUS_LINES, Header
from cimaise.server.requests import Request
from cimaise.telemetry import request_id as request_id_var

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_NOT_FOR_EVERYBODY: Final = frozenset(
    {b"authorization", b"range", b"if-range", b"if-match", b"if-unmodified-since"}
)
_OF_THE_BODY: Final = frozenset({b"content-type", b"content-length"})
_ONE_ETAG: Final = re.compile(rb'"[^",]*"')
_ACCEPTABLE_ID: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")


class Ready(Protocol):
    """A whole 200 to a ``GET``, as it is kept."""

    @property
    def etag(self) -> bytes:
        """Strong, with its quotation marks."""

    @property
    def headers(self) -> Sequence[Header]:
        """All but those that belong to one answer alone."""

    @property
    def lines(self) -> bytes:
        """The same, as they stand in a head."""

    @property
    def body(self) -> bytes:
        """All of it."""


class AccessLog(Protocol):
    """Told of every answer; see ``cimaise.middleware.request_id.AccessLog``."""

    def __call__(
        self,
        *,
        method: str,
        path: str,
        status: int,
        elapsed_s: float,
        bytes_sent: int,
        request_id: str,
        outcome: Literal["complete"],
    ) -> None:
        """Write one line."""


class HotLane:
    """Finds ready answers and makes them this request's own."""

    def __init__(self, find: Callable[[bytes], Ready | None], access_log: AccessLog) -> None:
        """Nothing is kept here.

        Args:
            find: The answer to ``GET`` of a target, path and query as they came; asked anew for
                every request, so what is dropped there is never sent again.
            access_log: Called once an answer.
        """
        self._find = find
        self._access_log = access_log
        self._id_prefix = secrets.token_hex(8).encode()
        self._ids = itertools.count()
        self._defaults: list[Header] | None = None
        self._default_lines = b""

    def answer(self, request: Request, defaults: list[Header]) -> tuple[bytes, bytes] | None:
        """Head and body of the answer, or ``None``: the application answers."""
        began_s = time.perf_counter()
        if request.method not in ("GET", "HEAD") or request.content_length != 0:
            return None
        ready = self._find(request.target)
        if ready is None:
            return None
        known, request_id = b"", b""
        for name, value in request.headers:
            if name in _NOT_FOR_EVERYBODY:
                return None
            if name == b"if-none-match":
                if known or not _ONE_ETAG.fullmatch(value):
                    return None
                known = value
            elif name == b"x-request-id":
                if request_id or not _ACCEPTABLE_ID.fullmatch(value):
                    return None
                request_id = value
        request_id = request_id or b"%b%06x" % (self._id_prefix, next(self._ids))
        if known == ready.etag:
            status, lines, body = _NOT_MODIFIED, _without_body(ready), b""
        else:
            status, lines = _OK, ready.lines
            body = ready.body if request.method == "GET" else b""
        head = self._head(status, lines, request_id, defaults, closes=not request.keeps_alive)
        self._log(request, status, len(body), request_id, time.perf_counter() - began_s)
        return head, body

    def _head(
        self, status: int, lines: bytes, request_id: bytes, defaults: list[Header], *, closes: bool
    ) -> bytes:
        if defaults is not self._defaults:  # made anew every second, for the date
            self._defaults = defaults
            self._default_lines = b"".join(b"%b: %b\r\n" % header for header in defaults)
        end = b"\r\nconnection: close\r\n\r\n" if closes else b"\r\n\r\n"
        status_line = STATUS_LINES[status]
        return b"".join(
            (status_line, self._default_lines, lines, b"x-request-id: ", request_id, end)
        )

    def _log(
        self, request: Request, status: int, size: int, request_id: bytes, elapsed_s: float
    ) -> None:
        text = request_id.decode()
        before = request_id_var.set(text)
        path = request.target.partition(b"?")[0].decode("ascii", "replace")
        self._access_log(
            method=request.method,
            path=unquote(path) if "%" in path else path,
            status=status,
            elapsed_s=elapsed_s,
            bytes_sent=size,
            request_id=text,
            outcome="complete",
        )
        request_id_var.reset(before)


def _without_body(ready: Ready) -> bytes:
    """The headers of a 304: those of the 200 that are not about the body (RFC 9110 §15.4.5)."""
    kept = (header for header in ready.headers if header[0] not in _OF_THE_BODY)
    return b"".join(b"%b: %b\r\n" % header for header in kept)
