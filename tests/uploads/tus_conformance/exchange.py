"""An HTTP exchange as a row: what is sent, and what the answer has to be.

Rows speak of uploads by letters: ``keep="a"`` notes the address that a creation tells, ``{a}``
stands for it afterwards, ``{a.path}`` for its path, ``{new}`` for the address where uploads are
created, ``{base}`` for what every address of an upload begins with.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx2

from tests.kit.application import RunningApplication
from tests.kit.companion import set_row
from tests.kit.raw_http import LIMIT_S, RawClient

BYTES: Final = "application/offset+octet-stream"
VERSION: Final = "1.0.0"
PIECE: Final = 1000
IMF_DATE: Final = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
"""HTTP dates as RFC 9110 §5.6.7 wants them."""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    Attributes:
        method: Of HTTP; ``EXPIRE`` lets an upload's time pass instead.
        to: Address.
        status: Of the answer; several where the protocol leaves a choice.
        send: Headers besides ``Tus-Resumable``; a value ``None`` leaves that one out.
        body: Bytes.
        is_chunked: Without their length.
        breaks_at: Only so many bytes are sent, then the connection is closed; no answer.
        trailer: Field behind the body.
        waits: ``Expect: 100-continue``; the body is sent only when told to.
        has: Headers of the answer, each a regular expression for the whole value.
        lacks: Headers that it must not have.
        keep: Letter for the address that it tells.
    """

    method: str
    to: str
    status: int | tuple[int, ...] = 0
    send: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes = b""
    is_chunked: bool = False
    breaks_at: int | None = None
    trailer: str | None = None
    waits: bool = False
    has: Mapping[str, str] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    keep: str = ""


class Speaker:
    """Exchanges rows with a server."""

    def __init__(self, server: RunningApplication, client: httpx2.Client, endpoint: str) -> None:
        self._server = server
        self._client = client
        self._places = {"new": endpoint, "base": f"{server.url}/tus/"}

    def run(self, rows: tuple[Exchange, ...]) -> None:
        """All, in order."""
        for number, row in enumerate(rows, 1):
            self._check(self._filled(row), number)

    def _filled(self, row: Exchange) -> Exchange:
        send = {name: self._named(text) for name, text in row.send.items() if text is not None}
        if "Tus-Resumable" not in row.send and row.method != "OPTIONS":
            send["Tus-Resumable"] = VERSION
        has = {name: self._named(text, escape=True) for name, text in row.has.items()}
        return replace(row, to=self._named(row.to), send=send, has=has)

    def _named(self, text: str, *, escape: bool = False) -> str:
        for letter, address in self._places.items():
            text = text.replace(f"{{{letter}}}", re.escape(address) if escape else address)
            path = urlsplit(address).path
            text = text.replace(f"{{{letter}.path}}", re.escape(path) if escape else path)
        return text

    def _check(self, row: Exchange, number: int) -> None:
        if row.method == "EXPIRE":
            past = datetime.now(UTC) - timedelta(seconds=1)
            set_row(self._server, row.to.rpartition("/")[2], expires_at=past)
            return
        raw = row.breaks_at is not None or row.trailer is not None or row.waits
        answer = self._by_hand(row) if raw else self._ask(row)
        if answer is None:
            return
        status, headers = answer
        said = f"exchange {number}: {row.method} {row.to}: {status} {dict(headers)}"
        allowed = row.status if isinstance(row.status, tuple) else (row.status,)
        assert status in allowed, said
        if row.method != "OPTIONS":
            assert headers.get("tus-resumable") == VERSION, said
        for name, pattern in row.has.items():
            assert re.fullmatch(pattern, headers.get(name.lower(), "")), f"{name} of {said}"
        for name in row.lacks:
            assert name.lower() not in headers, said
        if row.keep:
            self._places[row.keep] = headers["location"]

    def _ask(self, row: Exchange) -> tuple[int, Mapping[str, str]]:
        content = _pieces(row.body) if row.is_chunked else row.body
        send = [(name.encode(), text.encode("latin-1")) for name, text in _texts(row.send).items()]
        answer = self._client.request(row.method, row.to, headers=send, content=content)
        return answer.status_code, answer.headers

    def _by_hand(self, row: Exchange) -> tuple[int, Mapping[str, str]] | None:
        lines = [f"{name}: {text}" for name, text in _texts(row.send).items()]
        with RawClient(self._server.url) as raw:
            if row.trailer is not None:
                name = row.trailer.partition(":")[0]
                lines += [f"Trailer: {name}", "Transfer-Encoding: chunked"]
            else:
                lines.append(f"Content-Length: {len(row.body)}")
            if row.waits:
                lines.append("Expect: 100-continue")
            raw.send_head(row.method, urlsplit(row.to).path, *lines)
            if row.breaks_at is not None:
                raw.send(row.body[: row.breaks_at])
                raw.wait_until_read()
                self._wait_until_at_it(row.to.rpartition("/")[2])
                return None
            head = raw.read_head() if row.waits else ""
            if row.waits and not head.startswith("HTTP/1.1 100"):
                return _parsed(head)
            _send_body(raw, row)
            return _parsed(raw.read_head())

    def _wait_until_at_it(self, upload_id: str) -> None:
        """The request has reached the upload: no later one overtakes it."""
        transfers = self._server.application.services.uploads.tus._transfers
        stop = time.monotonic() + LIMIT_S
        while not transfers.is_taken(upload_id):
            assert time.monotonic() < stop


def _send_body(raw: RawClient, row: Exchange) -> None:
    if row.trailer is None:
        raw.send(row.body)
        return
    for piece in _pieces(row.body):
        raw.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    raw.wait_until_read()
    raw.send(f"0\r\n{row.trailer}\r\n\r\n".encode())


def _texts(send: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in send.items() if text is not None}


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


def _parsed(head: str) -> tuple[int, Mapping[str, str]]:
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): text.strip() for name, _, text in pairs}
