"""Files that are open already: sent by the connection itself, whole or a stretch of them.

What is open, for whom and for how long is the application's: this keeps to HTTP. The usual ways to
ask for bytes are answered here: all of them, one range of them, the same if nothing has changed
(``If-Range``), and nothing where the client has them (``If-None-Match``). Several ranges, dates and
other preconditions go the whole way.
"""

import itertools
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, Protocol, TypeVar

from cimaise.server.answers import STATUS_LINES, Header
from cimaise.server.requests import Request
from cimaise.server.scope import Address

_OK: Final = 200
_PARTIAL: Final = 206
_NOT_MODIFIED: Final = 304
_WHOLE_WAY: Final = frozenset({b"if-match", b"if-unmodified-since", b"if-modified-since"})
_ASKED: Final = frozenset({b"range", b"if-range", b"if-none-match", b"x-request-id"})
_RANGE: Final = re.compile(rb"bytes=([0-9]{1,18})-([0-9]{0,18})")
_ONE_ETAG: Final = re.compile(rb'"[^",]*"')
_ACCEPTABLE_ID: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")

Outcome = Literal["complete", "broken", "disconnected"]
Selected = tuple[int, int, int]
"""Status, the first byte and the one behind the last."""


class Facts(Protocol):
    """What every answer says of a file."""

    @property
    def size(self) -> int:
        """Bytes, 1 or more."""

    @property
    def etag(self) -> bytes:
        """Strong, with its quotation marks."""

    @property
    def lines(self) -> bytes:
        """Header lines of every answer with bytes, but for its length and its place."""

    @property
    def known_lines(self) -> bytes:
        """Header lines of a 304."""


class Opened(Protocol):
    """A file that is open."""

    @property
    def descriptor(self) -> int:
        """For sendfile(2)."""

    @property
    def facts(self) -> Facts:
        """What is said of it."""


File = TypeVar("File", bound=Opened)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of an answer.

    Attributes:
        status: 200, 206 or 304.
        start: The first byte that was wanted.
        sent_bytes: Of the body.
        elapsed_s: From the request to the end.
        request_id: Of the request.
        outcome: As the access log has it.
    """

    status: int
    start: int
    sent_bytes: int
    elapsed_s: float
    request_id: str
    outcome: Outcome


class Files(Protocol[File]):
    """What is open, and who may have it."""

    def find(self, target: bytes, headers: Sequence[Header]) -> File | None:
        """The file that a ``GET`` would be answered with; asked anew for every request."""

    def begin(
        self, file: File, target: bytes, headers: Sequence[Header], host: str
    ) -> Callable[[Ended], None] | None:
        """It may be sent once more, is counted, and stays open until what is given is called.

        ``host`` is where the connection comes from, empty where nobody knows. ``None``: the
        request has to go the whole way, and was not counted.
        """


@dataclass(slots=True)
class Stretch:
    """An answer of a file, ready to be sent.

    Attributes:
        head: All of it.
        descriptor: Of the file.
        start: First byte.
        count: How many bytes; 0: the head is all.
        keeps_alive: The connection goes on after this.
    """

    head: bytes
    descriptor: int
    start: int
    count: int
    keeps_alive: bool
    _status: int
    _request_id: str
    _began_s: float
    _end: Callable[[Ended], None]

    def ended(self, sent_bytes: int, outcome: Outcome) -> None:
        """It has been sent, or will not be. Called once."""
        elapsed_s = time.perf_counter() - self._began_s
        self._end(Ended(self._status, self.start, sent_bytes, elapsed_s, self._request_id, outcome))


class FileLane(Generic[File]):
    """Finds files that are open and makes answers of them."""

    def __init__(self, files: Files[File]) -> None:
        self._files = files
        self._id_prefix = secrets.token_hex(8).encode()
        self._ids = itertools.count()

    def answer(
        self, request: Request, defaults: Sequence[Header], client: Address
    ) -> Stretch | None:
        """The answer to a request from this address, or ``None``: the application answers."""
        began_s = time.perf_counter()
        if request.method != "GET" or request.content_length != 0:
            return None
        file = self._files.find(request.target, request.headers)
        asked = None if file is None else _asked(request.headers)
        selected = None if file is None or asked is None else _select(file.facts, asked)
        if file is None or asked is None or selected is None:
            return None
        host = client[0] if client else ""
        end = self._files.begin(file, request.target, request.headers, host)
        if end is None:
            return None
        status, start, stop = selected
        request_id = asked.get(b"x-request-id") or self._new_id()
        head = _head(file.facts, request, defaults, selected, request_id)
        return Stretch(
            head, file.descriptor, start, stop - start, request.keeps_alive,
            status, request_id.decode("ascii"), began_s, end,
        )  # fmt: skip

    def _new_id(self) -> bytes:
        return b"%b%06x" % (self._id_prefix, next(self._ids))


def _asked(headers: Sequence[Header]) -> dict[bytes, bytes] | None:
    """The fields that decide what is sent; ``None`` where the application has to look at them."""
    asked: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _WHOLE_WAY:
            return None
        if name in _ASKED:
            if name in asked:
                return None
            asked[name] = value
    named, known = asked.get(b"x-request-id"), asked.get(b"if-none-match")
    if named is not None and not _ACCEPTABLE_ID.fullmatch(named):
        return None
    return None if known is not None and not _ONE_ETAG.fullmatch(known) else asked


def _select(file: Facts, asked: dict[bytes, bytes]) -> Selected | None:
    """What is sent (RFC 9110 §13.2.2, §14.2); ``None``: the application knows."""
    if asked.get(b"if-none-match") == file.etag:
        return _NOT_MODIFIED, 0, 0
    wanted = asked.get(b"range")
    if wanted is None:
        return _OK, 0, file.size
    found = _RANGE.fullmatch(wanted)
    if found is None or asked.get(b"if-range", file.etag) != file.etag:
        return None
    start = int(found[1])
    stop = min(int(found[2]) + 1, file.size) if found[2] else file.size
    return (_PARTIAL, start, stop) if start < stop else None


def _head(
    file: Facts,
    request: Request,
    defaults: Sequence[Header],
    selected: Selected,
    request_id: bytes,
) -> bytes:
    status, start, stop = selected
    lines = [STATUS_LINES[status], *(b"%b: %b\r\n" % header for header in defaults)]
    if status == _NOT_MODIFIED:
        lines.append(file.known_lines)
    else:
        lines += (file.lines, b"content-length: %d\r\n" % (stop - start))
    if status == _PARTIAL:
        lines.append(b"content-range: bytes %d-%d/%d\r\n" % (start, stop - 1, file.size))
    lines += (b"x-request-id: ", request_id)
    lines.append(b"\r\n\r\n" if request.keeps_alive else b"\r\nconnection: close\r\n\r\n")
    return b"".join(lines)
