"""Heads of answers on the wire, and the answers that the server gives by itself."""

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

_BAD_NAME: Final = re.compile(rb"[\x00-\x20\x7f()<>@,;:\\\[\]={}\"]")
_BAD_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_WITHOUT_BODY: Final = frozenset({204, 304})  # RFC 9110 §6.4.1
_CODES: Final = {
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.REQUEST_TIMEOUT: "deadline",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "too_large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal",
    HTTPStatus.NOT_IMPLEMENTED: "malformed",
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: "malformed",
}

Header = tuple[bytes, bytes]


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES: Final = {status: _status_line(status) for status in range(100, 600)}


@dataclass(slots=True)
class Head:
    """The head of an answer, and what it says of the body.

    Attributes:
        wire: As it is sent.
        length: Bytes of the body that follow; ``None`` where nobody knows.
        is_chunked: They follow in chunks (RFC 9112 §7.1).
        closes: The connection ends with this answer.
    """

    wire: bytes
    length: int | None
    is_chunked: bool
    closes: bool


def encode_head(
    status: int,
    headers: Iterable[Header],
    *,
    is_head: bool,
    can_chunk: bool,
    closes: bool,
) -> Head:
    """The head of an answer.

    Args:
        status: 200 to 599.
        headers: All of them; ``Connection`` and ``Transfer-Encoding`` are added where missing.
        is_head: The answer is to a HEAD request: whatever is declared, no body follows.
        can_chunk: The client reads chunks: it speaks HTTP/1.1.
        closes: The connection ends with this answer, whatever the headers say.

    Raises:
        RuntimeError: A header cannot be sent: it would end early, or let another one begin.
    """
    lines = [STATUS_LINES[status]]
    length: int | None = None
    is_chunked = says_close = False
    for name, value in headers:
        if _BAD_VALUE.search(value) or _BAD_NAME.search(name):
            raise RuntimeError(f"The header {name!r} cannot be sent.")
        lowered = name.lower()
        if lowered == b"content-length":
            length = int(value)
        elif lowered == b"transfer-encoding":
            is_chunked = value.lower() == b"chunked"
        elif lowered == b"connection" and b"close" in value.lower():
            closes = says_close = True
        lines += (lowered, b": ", value, b"\r\n")
    if is_head or status in _WITHOUT_BODY:
        length, is_chunked = 0, False
    elif length is None and not is_chunked:
        is_chunked, closes = can_chunk, closes or not can_chunk
        if is_chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
    if closes and not says_close:
        lines.append(b"connection: close\r\n")
    lines.append(b"\r\n")
    return Head(b"".join(lines), None if is_chunked else length, is_chunked, closes)


def problem(status: HTTPStatus, sentence: str) -> bytes:
    """A whole answer in the one error shape, after which the connection ends."""
    request_id = secrets.token_hex(11)
    facts = {"error": sentence, "code": _CODES[status], "request_id": request_id}
    body = json.dumps(facts).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode()),
    ]
    head = encode_head(status, headers, is_head=False, can_chunk=True, closes=True)
    return head.wire + body
