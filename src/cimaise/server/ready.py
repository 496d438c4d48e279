"""A ready answer, and what a request makes of it: the picture, its head alone, or that it is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote

from cimaise.server.answers import STATUS_LINES, Header
from cimaise.server.requests import Request

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_BEHIND_A_PROXY: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host"})
_OF_THE_BODY: Final = frozenset({b"content-type", b"content-length"})
_SECRET: Final = frozenset({b"authorization", b"cookie", b"proxy-authorization"})


class Ready(Protocol):
    """A whole 200 to a ``GET``, as it is kept; another object once anything about it changed."""

    def is_good(self) -> bool:
        """It may still be given: whoever drops or replaces it makes this ``False`` before."""

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

    @property
    def account_id(self) -> str:
        """Whom it is for; empty for everybody, and for guests."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What the access log says of an answer, as often as it is given.

    Attributes:
        method: Of the request.
        path: Decoded and as the client sent it.
        status: 200 or 304.
        bytes_sent: Of the body.
        route: See :class:`Ready`.
        account_id: The same.
    """

    method: str
    path: str
    status: int
    bytes_sent: int
    route: str
    account_id: str


class Meaning:
    """What a request means: which ready answer, and what of it.

    Attributes:
        target: Of the request.
        accept: Its ``Accept``; ``None`` where that stood in several lines.
        key: What the answer is kept by, where it is for one.
        ready: The answer that it was made from.
        line: For the access log.
        defaults: What the server said in every answer when this was used last.
        keeps_alive: The client wants the connection to stay.
        is_secret: The request holds something that nobody else may know.
        is_forwarded: Somebody in front knows where it came from.
    """

    __slots__ = (
        "_end",
        "_has_body",
        "_lines",
        "_start",
        "accept",
        "defaults",
        "is_forwarded",
        "is_secret",
        "keeps_alive",
        "key",
        "line",
        "ready",
        "target",
    )

    def __init__(
        self,
        request: Request,
        ready: Ready,
        known: bytes,
        key: str | None,
        accept: bytes | None = None,
    ) -> None:
        """Args: known: The ETag that the client has, or nothing."""
        self.target = request.target
        self.accept = accept
        self.key = key
        self.ready = ready
        self.keeps_alive = request.keeps_alive
        names = {name for name, _ in request.headers}
        self.is_secret = key is not None or not _SECRET.isdisjoint(names)
        self.is_forwarded = not _BEHIND_A_PROXY.isdisjoint(names)
        is_known = known == ready.etag
        status = _NOT_MODIFIED if is_known else _OK
        self._has_body = request.method == "GET" and not is_known
        self._lines = _without_body(ready) if is_known else ready.lines
        self._end = b"\r\n\r\n" if self.keeps_alive else b"\r\nconnection: close\r\n\r\n"
        self.defaults: list[Header] | None = None
        self._start = b""
        path = request.target.partition(b"?")[0].decode("ascii", "replace")
        path = unquote(path) if "%" in path else path
        self.line = Line(
            request.method, path, status, len(self.body), ready.route, ready.account_id
        )

    @property
    def body(self) -> bytes:
        """What follows the head; nothing of it is kept here."""
        return self.ready.body if self._has_body else b""

    def head(self, request_id: bytes, defaults: list[Header]) -> bytes:
        """The answer's head."""
        if defaults is not self.defaults:  # made anew every second, for the date
            self.defaults = defaults
            fields = b"".join(b"%b: %b\r\n" % header for header in defaults)
            self._start = b"".join(
                (STATUS_LINES[self.line.status], fields, self._lines, b"x-request-id: ")
            )
        return b"".join((self._start, request_id, self._end))


def _without_body(ready: Ready) -> bytes:
    """The headers of a 304: those of the 200 that are not about the body (RFC 9110 §15.4.5)."""
    kept = (header for header in ready.headers if header[0] not in _OF_THE_BODY)
    return b"".join(b"%b: %b\r\n" % header for header in kept)
