"""Answers that are ready: sent by the connection itself, before there is a task or a scope.

What is kept, and for how long it is true, is the application's: this only looks it up and keeps
to HTTP. Whatever is not plainly the same for everybody (a range, a precondition other than the
usual one, somebody who signs in by a header) goes the whole way.

A client that stays asks with the same bytes again and again. So the bytes of a whole request are
remembered with what they meant, and need not be parsed the next time. That alone decides nothing:
the answer itself is asked for anew each time, and where it is another one, or none, the request is
read as if it were the first.
"""

import itertools
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote

from cimaise.server.answers import STATUS_LINES, Header
from cimaise.server.heads import Heads
from cimaise.server.requests import Request

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_NOT_FOR_EVERYBODY: Final = frozenset(
    {b"authorization", b"range", b"if-range", b"if-match", b"if-unmodified-since"}
)
_OF_THE_BODY: Final = frozenset({b"content-type", b"content-length"})
_ONE_ETAG: Final = re.compile(rb'"[^",]*"')
_ACCEPTABLE_ID: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_SECRET: Final = frozenset({b"authorization", b"cookie", b"proxy-authorization"})


class Ready(Protocol):
    """A whole 200 to a ``GET``, as it is kept; another object once anything about it changed."""

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

    @property
    def route(self) -> str:
        """Template of the route that made it, for metrics."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What the access log says of an answer, as often as it is given.

    Attributes:
        method: Of the request.
        path: Decoded and as the client sent it.
        status: 200 or 304.
        bytes_sent: Of the body.
        route: See :class:`Ready`.
    """

    method: str
    path: str
    status: int
    bytes_sent: int
    route: str


class AccessLog(Protocol):
    """Told of every answer."""

    def __call__(self, line: Line, *, elapsed_s: float, request_id: str) -> None:
        """Write one line, or count it; the same requests come with the same ``line``."""


class Meaning:
    """What a request means: which ready answer, and what of it.

    Attributes:
        target: Of the request.
        ready: The answer that it was made from.
        body: What follows the head.
        line: For the access log.
        keeps_alive: The client wants the connection to stay.
        is_secret: The request holds something that nobody else may know.
    """

    __slots__ = (
        "_defaults",
        "_end",
        "_lines",
        "_start",
        "body",
        "is_secret",
        "keeps_alive",
        "line",
        "ready",
        "target",
    )

    def __init__(self, request: Request, ready: Ready, known: bytes) -> None:
        """Args: known: The ETag that the client has, or nothing."""
        self.target = request.target
        self.ready = ready
        self.keeps_alive = request.keeps_alive
        self.is_secret = any(name in _SECRET for name, _ in request.headers)
        is_known = known == ready.etag
        status = _NOT_MODIFIED if is_known else _OK
        self.body = ready.body if request.method == "GET" and not is_known else b""
        self._lines = _without_body(ready) if is_known else ready.lines
        self._end = b"\r\n\r\n" if self.keeps_alive else b"\r\nconnection: close\r\n\r\n"
        self._defaults: list[Header] | None = None
        self._start = b""
        path = request.target.partition(b"?")[0].decode("ascii", "replace")
        path = unquote(path) if "%" in path else path
        self.line = Line(request.method, path, status, len(self.body), ready.route)

    def head(self, request_id: bytes, defaults: list[Header]) -> bytes:
        """The answer's head."""
        if defaults is not self._defaults:  # made anew every second, for the date
            self._defaults = defaults
            fields = b"".join(b"%b: %b\r\n" % header for header in defaults)
            self._start = b"".join(
                (STATUS_LINES[self.line.status], fields, self._lines, b"x-request-id: ")
            )
        return b"".join((self._start, request_id, self._end))


@dataclass(slots=True)
class Answer:
    """Ready to be sent.

    Attributes:
        head: All of it.
        body: What follows.
        keeps_alive: The connection goes on after this.
        meaning: What the request's bytes may be remembered with; ``None``: they come only once.
    """

    head: bytes
    body: bytes
    keeps_alive: bool
    meaning: Meaning | None = None


class HotLane:
    """Finds ready answers and makes them this request's own."""

    def __init__(self, find: Callable[[bytes], Ready | None], access_log: AccessLog) -> None:
        """Nothing is kept here but what requests mean.

        Args:
            find: The answer to ``GET`` of a target, path and query as they came; asked anew for
                every request, so what is dropped there is never sent again.
            access_log: Called once an answer.
        """
        self._find = find
        self._access_log = access_log
        self._id_prefix = secrets.token_hex(8).encode()
        self._ids = itertools.count()
        self._heads: Heads[Meaning] = Heads()

    def answer(self, request: Request, defaults: list[Header]) -> Answer | None:
        """The answer to a request, or ``None``: the application answers."""
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
        meaning = Meaning(request, ready, known)
        head = self._head(meaning, request_id, defaults, began_s)
        return Answer(head, meaning.body, meaning.keeps_alive, None if request_id else meaning)

    def answer_again(self, head: bytes, defaults: list[Header]) -> Answer | None:
        """The answer to a whole request that came before in the same bytes, or ``None``: read it."""
        began_s = time.perf_counter()
        meaning = self._heads.get(head)
        if meaning is None or self._find(meaning.target) is not meaning.ready:
            return None
        head = self._head(meaning, b"", defaults, began_s)
        return Answer(head, meaning.body, meaning.keeps_alive)

    def remember(self, head: bytes, meaning: Meaning) -> None:
        """These bytes, all of a request and nothing else, meant this."""
        self._heads.put(head, meaning, is_secret=meaning.is_secret)

    def _head(
        self, meaning: Meaning, request_id: bytes, defaults: list[Header], began_s: float
    ) -> bytes:
        request_id = request_id or b"%b%06x" % (self._id_prefix, next(self._ids))
        head = meaning.head(request_id, defaults)
        elapsed_s = time.perf_counter() - began_s
        self._access_log(meaning.line, elapsed_s=elapsed_s, request_id=request_id.decode())
        return head


def _without_body(ready: Ready) -> bytes:
    """The headers of a 304: those of the 200 that are not about the body (RFC 9110 §15.4.5)."""
    kept = (header for header in ready.headers if header[0] not in _OF_THE_BODY)
    return b"".join(b"%b: %b\r\n" % header for header in kept)
