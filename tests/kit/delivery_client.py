"""Asks for bytes as a row of :mod:`tests.kit.delivery_cases` says, and judges the whole answer."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from cimaise.rfc.validators import format_http_date
from tests.kit.delivery_cases import Case, Span

BEYOND = 10**12
ONLY_OF_CONTENT = ("content-length", "content-type", "content-range", "content-encoding")


@dataclass(frozen=True)
class Target:
    """Something that is delivered.

    Attributes:
        url: Of the server.
        path: With its query.
        key: What signs in.
        body: Every byte of it.
        etag: With its quotation marks.
        modified_at: ``None`` where it has no ``Last-Modified``.
        media_type: Its ``Content-Type``.
        headers: Of a whole answer to GET, by name in lower case.
    """

    url: str
    path: str
    key: str
    body: bytes
    etag: str
    modified_at: datetime | None
    media_type: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def look_at(url: str, path: str, key: str, body: bytes | None = None) -> Target:
    """A target from its plain answer; ``body`` where it is known from elsewhere."""
    with connect(url) as connection:
        answer = ask(connection, "GET", path, (), key)
    assert answer.status == 200, answer
    assert body is None or answer.body == body
    date = answer.headers.get("last-modified")
    return Target(
        url,
        path,
        key,
        answer.body,
        answer.headers["etag"],
        parsedate_to_datetime(date) if date else None,
        answer.headers["content-type"],
        answer.headers,
    )


@contextmanager
def connect(url: str) -> Iterator[http.client.HTTPConnection]:
    """A connection that is kept for every request inside."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: tuple[tuple[str, str], ...],
    key: str,
) -> Answer:
    """One request; every header goes out as it is, twice where it is given twice."""
    connection.putrequest(method, path, skip_accept_encoding=True)
    connection.putheader("Authorization", f"Bearer {key}")
    for name, value in headers:
        connection.putheader(name, value.encode("latin-1"))
    connection.endheaders()
    reply = connection.getresponse()
    body = reply.read()
    found: dict[str, str] = {}
    for name, value in reply.getheaders():
        assert name.lower() not in found, f"{name} comes twice"
        found[name.lower()] = value
    return Answer(reply.status, found, body)


def filled(case: Case, target: Target) -> tuple[tuple[str, str], ...]:
    """The headers of a case for this target."""
    at = target.modified_at or datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
    size, bare = len(target.body), target.etag.strip('"')
    day = format_http_date(at)
    other_day = "Mon" if not day.startswith("Mon") else "Tue"
    words = {
        "{etag}": target.etag,
        "{bare}": bare,
        "{upper}": f'"{bare.swapcase()}"',
        "{size}": str(size),
        "{last}": str(size - 1),
        "{beyond}": str(size + BEYOND),
        "{date}": day,
        "{before}": format_http_date(at - timedelta(seconds=1)),
        "{after}": format_http_date(at + timedelta(seconds=1)),
        "{rfc850}": at.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
        "{asctime}": at.strftime("%a %b ") + f"{at.day:>2}" + at.strftime(" %H:%M:%S %Y"),
        "{wrongday}": other_day + day[3:],
    }
    headers = []
    for name, text in case.headers:
        value = text
        for word, meaning in words.items():
            value = value.replace(word, meaning)
        headers.append((name, value))
    return tuple(headers)


def judge(case: Case, target: Target, answer: Answer) -> None:
    """Everything that RFC 9110 says of such an answer."""
    dated = target.modified_at is not None
    wanted = case.status if dated or case.undated is None else case.undated
    assert answer.status == wanted, f"status {answer.status}, not {wanted}"
    if case.method == "HEAD":
        assert answer.body == b""
    if wanted in (200, 206, 304):
        _judge_validators(target, answer)
    if wanted == 304:
        assert not [name for name in ONLY_OF_CONTENT if name in answer.headers]
        assert answer.body == b""
    elif wanted == 200:
        _judge_whole(case, target, answer)
    elif wanted == 206:
        spans = case.spans if wanted == case.status else ((0, 10),)
        _judge_partial([resolved(span, len(target.body)) for span in spans], target, answer)
    else:
        _judge_refusal(case, target, answer)


def resolved(span: Span, size: int) -> tuple[int, int]:
    """Start and stop, both from the beginning."""
    start, stop, _ = slice(*span).indices(size)
    return start, stop


def _judge_validators(target: Target, answer: Answer) -> None:
    """§15.4.5: a 304 has what a 200 would have had, to bring a cache up to date; so has a 206."""
    own = {"date", "x-request-id", *ONLY_OF_CONTENT}
    expected = {name: text for name, text in target.headers.items() if name not in own}
    assert {name: text for name, text in answer.headers.items() if name not in own} == expected
    assert "date" in answer.headers


def _judge_whole(case: Case, target: Target, answer: Answer) -> None:
    assert answer.headers["content-length"] == str(len(target.body))
    assert answer.headers["content-type"] == target.media_type
    assert "content-range" not in answer.headers
    assert case.method == "HEAD" or answer.body == target.body


def _judge_partial(spans: list[tuple[int, int]], target: Target, answer: Answer) -> None:
    size = len(target.body)
    assert answer.headers["content-length"] == str(len(answer.body))
    if len(spans) == 1:
        ((start, stop),) = spans
        assert answer.headers["content-type"] == target.media_type
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.body == target.body[start:stop]
        return
    assert "content-range" not in answer.headers  # §15.3.7.2: it is in the parts
    parts = _parts(answer)
    expected = [(f"bytes {a}-{b - 1}/{size}", target.body[a:b]) for a, b in spans]
    assert [(head["content-range"], content) for head, content in parts] == expected
    assert {head["content-type"] for head, _ in parts} == {target.media_type}


def _parts(answer: Answer) -> list[tuple["Message[str, str]", bytes]]:
    """Cut by the boundary, each with its head (RFC 9110 §14.6, RFC 2046 §5.1.1)."""
    kind = answer.headers["content-type"]
    assert kind.startswith("multipart/byteranges; boundary=")
    delimiter = b"\r\n--" + kind.partition("boundary=")[2].encode()
    before, *pieces, after = (b"\r\n" + answer.body).split(delimiter)
    assert (before, after) == (b"", b"--\r\n")
    cut = [piece.removeprefix(b"\r\n").partition(b"\r\n\r\n") for piece in pieces]
    return [(BytesParser().parsebytes(head + b"\r\n\r\n"), content) for head, _, content in cut]


def _judge_refusal(case: Case, target: Target, answer: Answer) -> None:
    if answer.status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(target.body)}"
    if case.method == "GET":
        problem = json.loads(answer.body)
        codes = {412: "precondition_failed", 416: "range_not_satisfiable"}
        assert problem["code"] == codes[answer.status]
        assert problem["request_id"] == answer.headers["x-request-id"]
