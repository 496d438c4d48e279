"""What a request's head may look like, and that nothing behind the body is taken for a part of it."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from cimaise.server.protocol import http_protocol
from cimaise.server.receive import TRAILERS
from tests.kit.uvicorn_server import RunningServer, running_uvicorn


async def telling(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was told: headers, body, and the fields behind the body."""
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    behind = scope["extensions"][TRAILERS]["fields"]
    told = {
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "behind": [[name.decode(), value.decode()] for name, value in behind],
        "client": scope["client"][0],
        "body": content.decode(),
    }
    body = json.dumps(told).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_uvicorn(http=http_protocol()) as running:
        running.app = telling
        yield running


def ask(server: RunningServer, request: bytes) -> tuple[int, dict[str, Any]]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        while chunk := connection.recv(65536):
            said += chunk
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n"
)


def test_a_field_behind_the_body_is_no_header(server: RunningServer):
    behind = b"X-Forwarded-For: 198.51.100.7\r\nAuthorization: Bearer x\r\nHost: y\r\n"
    status, told = ask(server, CHUNKED + b"\r\n2\r\nab\r\n0\r\n" + behind + b"\r\n")
    assert status == 200
    names = [name for name, _ in told["headers"]]
    assert names == ["host", "x-forwarded-for", "transfer-encoding"]
    assert [name for name, _ in told["behind"]] == ["x-forwarded-for", "authorization", "host"]


def test_the_client_cannot_be_renamed_behind_the_body(server: RunningServer):
    _, told = ask(server, CHUNKED + b"\r\n0\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n")
    assert told["client"] == "192.0.2.1"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    ],
    ids=["none", "two", "two alike"],
)
def test_a_request_that_does_not_name_one_host_is_refused(server: RunningServer, head: bytes):
    status, facts = ask(server, head)
    assert (status, facts["code"]) == (400, "malformed")


def test_an_old_client_need_not_name_a_host(server: RunningServer):
    assert ask(server, b"GET / HTTP/1.0\r\n\r\n")[0] == 200


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9"])
def test_other_versions_of_http_are_not_spoken(server: RunningServer, version: bytes):
    status, facts = ask(server, b"GET / " + version + b"\r\nHost: x\r\n\r\n")
    assert (status, facts["code"]) == (505, "malformed")


OFFER = b"Host: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("pieces", [1, 2, 7, 10_000])
def test_a_body_behind_an_offer_of_another_protocol_is_no_request(
    server: RunningServer, pieces: int
):
    head = b"POST / HTTP/1.1\r\n" + OFFER + b"Content-Length: %d\r\n\r\n" % len(HIDDEN)
    whole = head + HIDDEN + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    step = -(-len(whole) // pieces)
    said = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), step):
            connection.sendall(whole[start : start + step])
        while chunk := connection.recv(65536):
            said += chunk
    first, second = (
        json.loads(part[part.index(b"{") :]) for part in said.split(b"HTTP/1.1 200")[1:]
    )
    assert (first["body"].encode(), second["body"]) == (HIDDEN, "")


def test_a_large_body_may_follow_an_offer_of_another_protocol(server: RunningServer):
    head = b"PUT / HTTP/1.1\r\n" + OFFER + b"Content-Length: 300000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head)
        connection.sendall(b"a" * 300_000 + HIDDEN)
        said = b""
        while chunk := connection.recv(65536):
            said += chunk
    assert said.count(b"HTTP/1.1 200") == 2
    assert b"a" * 300_000 in said


def test_chunks_behind_an_offer_of_another_protocol_are_refused(server: RunningServer):
    chunks = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
    status, facts = ask(server, b"POST / HTTP/1.1\r\n" + OFFER + chunks)
    assert (status, facts["code"]) == (400, "malformed")


def test_however_many_offers_come_at_once_each_is_answered(server: RunningServer):
    one = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(one * 900 + HIDDEN)
        said = b""
        while chunk := connection.recv(65536):
            said += chunk
    assert said.count(b"HTTP/1.1 200") == 901


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"identity\r\nTransfer-Encoding: chunked"])
def test_a_body_in_a_coding_that_nobody_would_undo_is_refused(server: RunningServer, coding: bytes):
    start = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %b\r\n\r\n" % coding
    status, _ = ask(server, start + b"1\r\na\r\n0\r\n\r\n")
    assert status == 501


def test_chunks_are_known_however_they_are_announced(server: RunningServer):
    start = (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \t Chunked \r\nConnection: close\r\n\r\n"
    )
    status, told = ask(server, start + b"1\r\na\r\n0\r\n\r\n")
    assert (status, told["body"]) == (200, "a")
