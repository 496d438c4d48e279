import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from cimaise.server.limits import Limits
from cimaise.server.protocol import http_protocol
from tests.kit.uvicorn_server import RunningServer, running_uvicorn


async def answering(scope: Any, receive: Any, send: Any) -> None:
    more = True
    size = 0
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = f"{scope['method']} {size}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_uvicorn(http=http_protocol()) as running:
        running.app = answering
        yield running


@pytest.fixture(scope="module")
def hasty() -> Iterator[RunningServer]:
    with running_uvicorn(http=http_protocol(Limits(head_s=0.2))) as running:
        running.app = answering
        yield running


def ask(server: RunningServer, request: bytes, *, piece: int = 0) -> bytes:
    """Everything the server says until it closes, or until its answers stop."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        try:
            for start in range(0, len(request), piece or len(request)):
                connection.sendall(request[start : start + (piece or len(request))])
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough
        connection.settimeout(5)
        said = b""
        try:
            while chunk := connection.recv(65536):
                said += chunk
        except ConnectionResetError:
            pass
        return said


def problem(said: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = said.partition(b"\r\n\r\n")
    facts = json.loads(body)
    assert f"x-request-id: {facts['request_id']}".encode() in head
    return int(head.split()[1]), facts


@pytest.mark.parametrize("piece", [0, 1000, 70_000])
def test_an_endless_header_is_refused(server: RunningServer, piece: int):
    said = ask(server, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 2_000_000, piece=piece)
    if said:  # a client that goes on sending may lose the answer to its own bytes
        status, facts = problem(said)
        assert (status, facts["code"]) == (431, "too_large")


def test_a_head_just_above_the_limit_gets_its_answer(server: RunningServer):
    request = b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 66_000 + b"\r\n"
    status, facts = problem(ask(server, request))
    assert (status, facts["code"]) == (431, "too_large")


def test_too_many_headers_are_refused(server: RunningServer):
    lines = b"".join(b"X-%d: 1\r\n" % number for number in range(Limits().headers + 1))
    status, _ = problem(ask(server, b"GET / HTTP/1.1\r\n" + lines + b"\r\n"))
    assert status == 431


@pytest.mark.parametrize(
    "request_",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_cannot_be_read_is_told_in_the_one_shape(server: RunningServer, request_: bytes):
    status, facts = problem(ask(server, request_))
    assert (status, facts["code"]) == (400, "malformed")


def test_a_head_that_does_not_come_in_time_is_refused(hasty: RunningServer):
    status, facts = problem(ask(hasty, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "))
    assert (status, facts["code"]) == (408, "deadline")


def test_a_client_that_says_nothing_is_let_go(hasty: RunningServer):
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=5) as connection:
        assert connection.recv(10) == b""


def test_bodies_and_further_requests_are_as_long_as_they_like(server: RunningServer):
    first = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"b" * 3_000_000
    second = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    said = ask(server, first + second, piece=100_000)
    assert b"POST 3000000" in said
    assert said.endswith(b"GET 0")
