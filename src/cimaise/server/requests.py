"""From bytes to requests: llhttp reads them, and what is too long or no HTTP is refused here."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, NoReturn, Protocol
from urllib.parse import unquote

import httptools

from cimaise.server.limits import Limits

_NO_BODY: Final = 0
_VERSIONS: Final = frozenset({"1.0", "1.1"})


class Refused(Exception):
    """A request that never becomes one: answered, and the connection closed."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(slots=True)
class Request:
    """A head that is whole.

    Attributes:
        method: In capitals.
        target: As it was sent, bytes of the request line.
        version: ``1.0`` or ``1.1``.
        headers: Names in small letters.
        trailers: Fields behind the body, as they come; none of them is ever taken for a header
            (RFC 9110 §6.5.1), which a server in front may have looked at or set.
        keeps_alive: The client wants the connection to stay.
        content_length: Bytes of the body; ``None`` where it comes in chunks.
        expects_continue: It waits for ``100 Continue`` (RFC 9110 §10.1.1).
    """

    method: str
    target: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    keeps_alive: bool
    content_length: int | None
    expects_continue: bool
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def split_target(self) -> tuple[str, bytes, bytes]:
        """Decoded path, raw path and query string."""
        url = httptools.parse_url(self.target)
        raw_path: bytes = url.path
        path = raw_path.decode("ascii")
        return unquote(path) if "%" in path else path, raw_path, url.query or b""


class Listener(Protocol):
    """Told what was read, in its order."""

    def request_begins(self) -> None:
        """The first byte of a head has come."""
        ...

    def request_came(self, request: Request) -> None:
        """A head is whole."""
        ...

    def body_came(self, piece: bytes | memoryview) -> None:
        """Some bytes of the body of the last request."""
        ...

    def body_ended(self) -> None:
        """The last request is whole."""
        ...


class RequestReader:
    """Reads the requests of one connection.

    Attributes:
        is_between: All that came was whole: the next byte begins a request.
        is_in_head: A head has begun and is not whole.
        body_left: Bytes of a body of declared length that have not come yet.
    """

    __slots__ = (
        "_begun",
        "_expects_continue",
        "_has_body_come",
        "_headers",
        "_hosts",
        "_length",
        "_limits",
        "_listener",
        "_overhead_bytes",
        "_parser",
        "_refusal",
        "_target",
        "_trailers",
        "body_left",
        "is_between",
        "is_in_head",
    )

    def __init__(self, listener: Listener, limits: Limits) -> None:
        self._listener = listener
        self._limits = limits
        self._parser = self._new_parser()
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._trailers: list[tuple[bytes, bytes]] = []
        self._hosts = 0
        self._length: int | None = _NO_BODY
        self._expects_continue = False
        self._refusal: Refused | None = None
        self._overhead_bytes = 0
        self._begun = 0
        self._has_body_come = False
        self.is_between = True
        self.is_in_head = False
        self.body_left = 0

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def feed(self, data: bytes | memoryview) -> None:
        """Read some bytes; the listener is told what was in them.

        Raises:
            Refused: They are no HTTP, or more of it than is allowed.
        """
        rest: bytes | memoryview | None = data
        while rest is not None and len(rest):
            rest = self._feed(rest)

    def _feed(self, data: bytes | memoryview) -> bytes | memoryview | None:
        """Read some bytes; gives what comes behind an offer of another protocol."""
        is_between = self.is_between
        self._begun = 0
        self._has_body_come = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:  # an offer that we do not take up
            return self._go_on(data[upgrade.args[0] :])
        except httptools.HttpParserError as fault:
            if self._refusal is not None:
                raise self._refusal from None
            raise Refused(HTTPStatus.BAD_REQUEST, "Invalid HTTP request received.") from fault
        self._count_overhead(len(data), is_between=is_between)
        return None

    def _go_on(self, rest: bytes | memoryview) -> bytes | memoryview:
        """What comes behind an offer is the request's body first, which the parser knows nothing of."""
        count = min(self.body_left, len(rest))
        if count:
            self._has_body_come = True
            self._listener.body_came(rest[:count])
            self.skip_body(count)
        return rest[count:]

    def _count_overhead(self, size: int, *, is_between: bool) -> None:
        """A head, an extension of a chunk or a trailer that never ends is refused."""
        if self._begun > is_between or self._has_body_come:
            self._overhead_bytes = 0  # how much of this belongs to what came before is unknown
        elif self.is_in_head or not self.is_between:
            self._overhead_bytes += size
            if self._overhead_bytes > self._limits.head_bytes:
                raise _too_long()

    def skip_body(self, count: int) -> None:
        """So many bytes of the body came past this reader."""
        self.body_left -= count
        if self.body_left == 0:
            self._parser = self._new_parser()
            self.is_between = True
            self._listener.body_ended()

    def on_message_begin(self) -> None:
        """llhttp: a head begins."""
        self._target, self._headers, self._trailers, self._hosts = b"", [], [], 0
        self._length, self._expects_continue = _NO_BODY, False
        self._begun += 1
        self._overhead_bytes = 0
        self.is_between = False
        self.is_in_head = True
        self._listener.request_begins()

    def on_url(self, part: bytes) -> None:
        """llhttp: a part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: one line of the head, or of the trailers."""
        name = name.lower()
        if not self.is_in_head:
            self._trailers.append((name, value))
        else:
            self._headers.append((name, value))
            self._note(name, value)
        if len(self._headers) + len(self._trailers) > self._limits.headers:
            self._refuse(_too_long())

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self._length = int(value)
        elif name == b"transfer-encoding":
            if value.strip().lower() != b"chunked":  # nobody here would undo it (RFC 9112 §6.1)
                self._refuse(
                    Refused(HTTPStatus.NOT_IMPLEMENTED, "Send the body as it is, or in chunks.")
                )
            self._length = None
        elif name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
        elif name == b"host":
            self._hosts += 1

    def _refuse(self, refusal: Refused) -> NoReturn:
        self._refusal = refusal
        raise refusal

    def on_headers_complete(self) -> None:
        """llhttp: the head is whole."""
        self.is_in_head = False
        parser = self._parser
        version = parser.get_http_version()
        self._require_form(version)
        self.body_left = self._length or 0
        self._listener.request_came(
            Request(
                method=parser.get_method().decode("ascii"),
                target=self._target,
                version=version,
                headers=self._headers,
                keeps_alive=version != "1.0" and parser.should_keep_alive(),
                content_length=self._length,
                expects_continue=self._expects_continue,
                trailers=self._trailers,
            )
        )

    def _require_form(self, version: str) -> None:
        """Which site is asked must be clear to everybody on the way (RFC 9112 §3.2)."""
        if version not in _VERSIONS:
            self._refuse(Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here."))
        if self._hosts > 1 or (version == "1.1" and not self._hosts):
            self._refuse(Refused(HTTPStatus.BAD_REQUEST, "A request names one Host."))
        if self._length is None and self._parser.should_upgrade():  # nobody would read the chunks
            sentence = "Another protocol is not offered with a body in chunks."
            self._refuse(Refused(HTTPStatus.BAD_REQUEST, sentence))

    def on_body(self, body: bytes) -> None:
        """llhttp: bytes of the body, decoded."""
        self._has_body_come = True
        if self.body_left:
            self.body_left -= len(body)
        self._listener.body_came(body)

    def on_message_complete(self) -> None:
        """llhttp: the request is whole, or its head is and offers another protocol."""
        if self.body_left:
            return  # the offer is not taken up, so the body is still to come (RFC 9110 §7.8)
        self.is_between = True
        self._listener.body_ended()


def _too_long() -> Refused:
    return Refused(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's headers are too long."
    )
