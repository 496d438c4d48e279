"""Answers that are ready: as HTTP wants them, logged and named, and never when they should not be."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from cimaise.server.hot import HotLane
from cimaise.server.protocol import http_protocol
from cimaise.server.ready import Line
from tests.kit.uvicorn_server import RunningServer, running_uvicorn


@dataclass
class Kept:
    etag: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    route: str = "/images/{id}"
    account_id: str = ""
    is_kept: bool = True

    def is_good(self) -> bool:
        return self.is_kept

    @property
    def lines(self) -> bytes:
        return b"".join(b"%b: %b\r\n" % header for header in self.headers)


BODY = b"picture" * 1000
KEPT = Kept(
    b'"v1"',
    (
        (b"etag", b'"v1"'),
        (b"cache-control", b"public, max-age=60"),
        (b"content-type", b"image/webp"),
        (b"content-length", str(len(BODY)).encode()),
    ),
    BODY,
)


class Hot:
    def __init__(self) -> None:
        self.kept: dict[bytes, Kept] = {b"/images/a?width=10": KEPT}
        self.lines: list[dict[str, Any]] = []

    def find(self, target: bytes, accept: bytes | None) -> Kept | None:
        del accept
        return self.kept.get(target)

    def log(self, line: Line, *, elapsed_s: float, request_id: str) -> None:
        assert elapsed_s >= 0
        self.lines.append(asdict(line) | {"request_id": request_id})


@pytest.fixture(scope="module")
def hot() -> Hot:
    return Hot()


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, hot: Hot) -> Iterator[RunningServer]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        body = json.dumps([scope["method"], scope["path"]]).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 203, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    protocol = http_protocol(hot=HotLane(hot.find, hot.log))
    with running_uvicorn(application, http=protocol, loop=request.param) as running:
        yield running


def ask(
    server: RunningServer, *lines: str, method: str = "GET", target: str = "/images/a?width=10"
) -> tuple[int, dict[str, str], bytes]:
    text = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *lines, "", ""]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall("\r\n".join(text).encode())
        said = b""
        while chunk := connection.recv(65_536):
            said += chunk
    head, _, body = said.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    return int(status.split()[1]), dict(field.split(": ", 1) for field in fields), body


def test_a_ready_answer_is_sent_whole(server: RunningServer):
    status, headers, body = ask(server)
    assert (status, body) == (200, BODY)
    assert headers["etag"] == '"v1"'
    assert headers["content-length"] == str(len(BODY))
    assert headers["connection"] == "close"
    assert "date" in headers
    assert len(headers["x-request-id"]) >= 8


def test_the_head_alone_is_sent_to_head(server: RunningServer):
    status, headers, body = ask(server, method="HEAD")
    assert (status, body) == (200, b"")
    assert headers["content-length"] == str(len(BODY))


def test_who_has_it_already_is_told_so(server: RunningServer):
    status, headers, body = ask(server, 'If-None-Match: "v1"')
    assert (status, body) == (304, b"")
    assert headers["etag"] == '"v1"'
    assert headers["cache-control"] == "public, max-age=60"
    assert "content-length" not in headers
    assert "content-type" not in headers


def test_who_has_another_version_gets_this_one(server: RunningServer):
    assert ask(server, 'If-None-Match: "v0"')[0] == 200


def test_a_request_keeps_the_id_it_came_with_and_is_logged(server: RunningServer, hot: Hot):
    hot.lines.clear()
    _, headers, _ = ask(server, "X-Request-Id: from-the-proxy-1")
    assert headers["x-request-id"] == "from-the-proxy-1"
    (line,) = hot.lines
    assert line == {
        "method": "GET",
        "path": "/images/a",
        "status": 200,
        "bytes_sent": len(BODY),
        "request_id": "from-the-proxy-1",
        "route": "/images/{id}",
        "account_id": "",
    }


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer x",
        "Range: bytes=0-1",
        'If-Match: "v1"',
        'If-Range: "v1"',
        "If-Unmodified-Since: Mon, 09 Mar 2026 10:11:12 GMT",
        'If-None-Match: "v0", "v1"',
        'If-None-Match: W/"v1"',
        "If-None-Match: *",
        "X-Request-Id: no good",
        "Content-Length: 3",
    ],
)
def test_what_is_not_plainly_the_same_for_everybody_is_the_applications(
    server: RunningServer, line: str
):
    assert ask(server, line)[0] == 203


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_other_methods_are_the_applications(server: RunningServer, method: str):
    assert ask(server, method=method)[0] == 203


def test_another_target_is_the_applications(server: RunningServer):
    assert ask(server, target="/images/a?width=11")[0] == 203


def test_what_is_dropped_is_never_sent_again(server: RunningServer, hot: Hot):
    kept = hot.kept.pop(b"/images/a?width=10")
    kept.is_kept = False
    try:
        assert ask(server)[0] == 203
    finally:
        hot.kept[b"/images/a?width=10"] = kept
        kept.is_kept = True
    assert ask(server)[0] == 200


def test_requests_behind_each_other_are_answered_in_their_order(server: RunningServer):
    ready = b"GET /images/a?width=10 HTTP/1.1\r\nHost: x\r\n"
    other = b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            ready + b"\r\n" + other + ready + b"\r\n" + ready + b"Connection: close\r\n\r\n"
        )
        said = b""
        while chunk := connection.recv(65_536):
            said += chunk
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"203", b"200", b"200"]
    assert said.index(BODY) < said.index(b'"/other"') < said.rindex(BODY)
    assert said.count(BODY) == 3


def test_a_client_that_asks_and_never_reads_fills_no_memory(server: RunningServer):
    asked = b"GET /images/a?width=10 HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):  # it is made to wait, megabytes before
            for _ in range(2_000):
                connection.sendall(asked)
