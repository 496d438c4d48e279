"""Our protocol class where everything is encrypted: on both event loops, with real handshakes."""

import asyncio
import hashlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cimaise.cli.serving.tls import Certificate
from cimaise.server.limits import Limits
from cimaise.server.protocol import http_protocol
from tests.kit.picture_server import make_certificate
from tests.kit.uvicorn_server import RunningServer, running_uvicorn

LIMIT_S = 30
CONTENT = bytes(range(251)) * 30_000  # 7.5 MB: more than a socket holds


class Secure:
    """A running server, and connections to it that trust it."""

    def __init__(self, running: RunningServer, trust: ssl.SSLContext) -> None:
        self.running = running
        self.trust = trust

    def connect(self, receive_bytes: int = 0) -> ssl.SSLSocket:
        plain = socket.socket()
        if receive_bytes:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        plain.settimeout(LIMIT_S)
        plain.connect(("127.0.0.1", self.running.port))
        return self.trust.wrap_socket(plain, server_hostname="127.0.0.1")


@contextmanager
def secure(folder: Path, loop: str, limits: Limits | None = None) -> Iterator[Secure]:
    pair = make_certificate(folder, "127.0.0.1")
    context = Certificate(pair.certificate, pair.key).context
    with running_uvicorn(
        http=http_protocol(limits), loop=loop, ssl_context_factory=lambda _config, _make: context
    ) as running:
        yield Secure(running, ssl.create_default_context(cafile=str(pair.certificate)))


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secure]:
    with secure(tmp_path_factory.mktemp("tls"), request.param) as running:
        yield running


def start(length: int) -> dict[str, Any]:
    headers = [(b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def body(text: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": more}


def head(method: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} / HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def read_to_end(connection: ssl.SSLSocket) -> bytes:
    whole = b""
    while chunk := connection.recv(1 << 16):
        whole += chunk
    return whole


def test_the_application_sees_https_and_is_not_offered_files(server: Secure):
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send(start(2))
        await send(body(b"ok"))

    server.running.app = app
    with server.connect() as connection:
        connection.sendall(head("GET", "Connection: close"))
        assert read_to_end(connection).endswith(b"\r\n\r\nok")
    assert seen["scheme"] == "https"
    assert "http.response.zerocopysend" not in seen["extensions"]
    assert "http.response.pathsend" not in seen["extensions"]


def test_a_long_answer_arrives_whole(server: Secure):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(len(CONTENT)))
        for begin in range(0, len(CONTENT), 1 << 18):
            await send(body(CONTENT[begin : begin + (1 << 18)], more=True))
        await send(body(b""))

    server.running.app = app
    with server.connect() as connection:
        connection.sendall(head("GET", "Connection: close"))
        assert read_to_end(connection).partition(b"\r\n\r\n")[2] == CONTENT


@pytest.mark.parametrize("way", ["receive", "pour"])
def test_a_long_body_arrives_whole_by_either_way(server: Secure, way: str):
    digest = hashlib.sha256()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if way == "pour":
            pour = scope["extensions"]["cimaise.pour"]["pour"]
            more = True
            while more:
                more = await pour(digest.update, 1_000_000)
        else:
            more = True
            while more:
                message = await receive()
                digest.update(message["body"])
                more = message["more_body"]
        await send(start(2))
        await send(body(b"ok"))

    server.running.app = app
    with server.connect() as connection:
        connection.sendall(head("PUT", f"Content-Length: {len(CONTENT)}", "Connection: close"))
        connection.sendall(CONTENT)
        assert read_to_end(connection).endswith(b"ok")
    assert digest.digest() == hashlib.sha256(CONTENT).digest()


def test_several_requests_take_turns_on_one_connection(server: Secure):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(2))
        await send(body(b"ok"))

    server.running.app = app
    with server.connect() as connection:
        connection.sendall(head("GET") + head("GET") + head("GET", "Connection: close"))
        assert read_to_end(connection).count(b"HTTP/1.1 200 ") == 3


def test_a_refused_body_has_its_answer_read_while_the_client_still_sends(server: Secure):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**start(5), "status": 413})
        await send(body(b"large"))

    server.running.app = app
    with server.connect() as connection:
        connection.sendall(head("PUT", f"Content-Length: {1 << 30}"))
        sent = 0
        while sent < 16_000_000:  # more than every buffer on the way holds
            sent += connection.send(CONTENT[: 1 << 16])
        said = connection.recv(1 << 16)
        assert said.startswith(b"HTTP/1.1 413 ")
        assert said.endswith(b"large")


def test_a_client_that_goes_in_the_middle_is_noticed(server: Secure):
    gone = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(1 << 30))
        await send(body(b"x", more=True))
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    server.running.app = app
    connection = server.connect()
    connection.sendall(head("GET"))
    assert connection.recv(100)
    connection.close()
    assert gone.wait(LIMIT_S)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("receive_bytes", [0, 4096])
def test_a_client_that_does_not_read_is_let_go(tmp_path: Path, loop: str, receive_bytes: int):
    gone = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(1 << 30))
        watching = asyncio.ensure_future(receive())
        while not watching.done():
            await send(body(bytes(1 << 16), more=True))
            await asyncio.sleep(0)
        gone.set()

    with secure(tmp_path, loop, Limits(write_stall_s=0.4)) as server:
        server.running.app = app
        with server.connect(receive_bytes) as connection:
            connection.sendall(head("GET"))
            assert gone.wait(LIMIT_S)


def test_an_answer_that_breaks_is_no_clean_end(server: Secure):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(20))
        await send(body(b"0123456789", more=True))
        raise RuntimeError("on purpose")

    server.running.app = app
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.running.port, context=server.trust, timeout=LIMIT_S
    )
    connection.request("GET", "/")
    with pytest.raises((http.client.IncompleteRead, ssl.SSLError, ConnectionError)):
        connection.getresponse().read()
    connection.close()


def test_whoever_never_says_good_bye_is_not_waited_for(server: Secure):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(2))
        await send(body(b"ok"))

    server.running.app = app
    with server.connect() as connection:
        connection.sendall(head("GET", "Connection: close"))
        plain = socket.socket(fileno=socket.dup(connection.fileno()))
        with plain:
            plain.settimeout(28)  # the event loops themselves would wait for 30
            while plain.recv(1 << 16):
                pass


def test_what_is_no_tls_gets_no_answer_and_harms_nobody(server: Secure):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(2))
        await send(body(b"ok"))

    server.running.app = app
    with socket.create_connection(("127.0.0.1", server.running.port), timeout=LIMIT_S) as plain:
        plain.sendall(head("GET"))
        try:
            assert b"HTTP/1.1" not in plain.recv(1000)
        except ConnectionError:
            pass
    with server.connect() as connection:
        connection.sendall(head("GET", "Connection: close"))
        assert read_to_end(connection).endswith(b"ok")


def test_the_context_is_asked_of_each_handshake(tmp_path: Path):
    pair = make_certificate(tmp_path, "127.0.0.1")
    held = Certificate(pair.certificate, pair.key)
    before = held.expires_at
    first = pair.certificate.read_bytes()
    make_certificate(tmp_path, "127.0.0.1")
    held.renew()
    assert pair.certificate.read_bytes() != first
    assert held.expires_at >= before
