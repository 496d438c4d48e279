"""Bodies that come in: every byte once and in order, whoever takes them, however they are cut."""

import asyncio
import hashlib
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.server.protocol import http_protocol
from cimaise.server.receive import BUFFER_BYTES, EXTENSION, HIGH_WATER_BYTES, Inflow
from cimaise.storage.filesystem.files import write_all
from tests.kit.uvicorn_server import RunningServer, running_uvicorn

BODY = bytes(range(256)) * 20_000  # 5 MB


class Sender:
    """A connection that sends pieces whenever they are wanted."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.inflow = Inflow(self)
        self._pieces = pieces
        self.is_paused = False

    def want_body(self) -> None:
        self.is_paused = False
        asyncio.get_running_loop().call_soon(self.go_on)

    def pause_body(self) -> None:
        self.is_paused = True

    def go_on(self) -> None:
        while self._pieces and not self.is_paused:
            piece = self._pieces.pop(0)
            room = self.inflow.room
            if len(piece) > room:
                self._pieces.insert(0, piece[room:])
                piece = piece[:room]
            self.inflow.add(memoryview(bytearray(piece)))
        if not self._pieces and not self.inflow.is_ended:
            self.inflow.end()


steps = st.lists(st.one_of(st.integers(1, 50), st.just(0)), max_size=30)


@given(st.lists(st.binary(max_size=40), max_size=12), steps)
def test_poured_or_received_in_any_order_every_byte_comes_once(pieces: list[bytes], how: list[int]):
    expected = b"".join(pieces)

    async def run() -> bytes:
        inflow = Sender(list(pieces)).inflow
        got = bytearray()
        more = True
        for most in [*how, *[7] * (len(expected) + 2)]:
            if not more:
                break
            if most:
                more = await inflow.pour(got.extend, most)
            else:
                message = await inflow.receive(has_answered=lambda: False)
                assert message["type"] == "http.request"
                got += message["body"]
                more = message["more_body"]
        return bytes(got)

    assert asyncio.run(run()) == expected


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=12), st.integers(1, 30))
def test_a_pour_never_gives_more_than_was_wanted(pieces: list[bytes], most: int):
    async def run() -> None:
        inflow = Sender(list(pieces)).inflow
        more = True
        while more:
            given_bytes = 0

            def take(piece: bytes | memoryview) -> None:
                nonlocal given_bytes
                given_bytes += len(piece)

            more = await inflow.pour(take, most)
            assert given_bytes <= most
            assert given_bytes == most or not more

    asyncio.run(run())


async def test_what_a_taker_raises_is_raised_where_it_pours_and_later_bytes_stay():
    inflow = Inflow(Sender([]))

    def refuse(_: object) -> None:
        raise ValueError

    pouring = asyncio.ensure_future(inflow.pour(refuse, 100))
    await asyncio.sleep(0)
    inflow.add(b"first")
    with pytest.raises(ValueError):
        await pouring
    inflow.add(b"second")
    inflow.end()
    got = bytearray()
    assert not await inflow.pour(got.extend, 100)
    assert got == b"second"


async def test_a_cancelled_pour_loses_nothing():
    inflow = Inflow(Sender([]))
    got = bytearray()
    pouring = asyncio.ensure_future(inflow.pour(got.extend, 100))
    await asyncio.sleep(0)
    inflow.add(b"one")
    pouring.cancel()
    await asyncio.gather(pouring, return_exceptions=True)
    inflow.add(b"two")
    inflow.end()
    assert not await inflow.pour(got.extend, 100)
    assert got == b"onetwo"


async def test_bytes_that_came_before_the_client_went_are_handed_out_first():
    inflow = Inflow(Sender([]))
    inflow.add(b"kept")
    inflow.leave()
    first = await inflow.receive(has_answered=lambda: False)
    assert (first["body"], first["more_body"]) == (b"kept", True)
    second = await inflow.receive(has_answered=lambda: False)
    assert second["type"] == "http.disconnect"
    with pytest.raises(ConnectionResetError):
        await inflow.pour(bytearray().extend, 1)


async def test_nobody_takes_and_the_sender_has_to_wait():
    source = Sender([])
    source.inflow.add(bytes(HIGH_WATER_BYTES - 1))
    assert not source.is_paused
    source.inflow.add(b"1")
    assert source.is_paused


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with running_uvicorn(http=http_protocol(), loop=request.param) as running:
        yield running


def pour_of(scope: Any) -> Callable[..., Any]:
    pour: Callable[..., Any] = scope["extensions"][EXTENSION]["pour"]
    return pour


async def reply(send: Any, text: str, status: int = 200) -> None:
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def pouring(scope: Any, receive: Any, send: Any) -> None:
    digest, longest = hashlib.sha256(), 0

    def take(piece: bytes | memoryview) -> None:
        nonlocal longest
        longest = max(longest, len(piece))
        digest.update(piece)

    while await pour_of(scope)(take, 1_500_000):
        pass
    assert longest <= BUFFER_BYTES
    await reply(send, digest.hexdigest())


async def piping(scope: Any, receive: Any, send: Any) -> None:
    """Into a file: from the socket itself, as soon as much comes at once."""
    with tempfile.TemporaryFile() as file:
        size = 0

        def take(piece: Any) -> None:
            nonlocal size
            write_all(file.fileno(), [piece], size)
            size += len(piece)

        while await pour_of(scope)(take, 1_500_000, by_pipe=True):
            pass
        digest = hashlib.file_digest(file, "sha256")
    await reply(send, digest.hexdigest())


async def leaving(scope: Any, receive: Any, send: Any) -> None:
    """Into a file, by threads where that is of use."""
    with tempfile.TemporaryFile() as file:
        size = 0

        def take(piece: Any) -> None:
            nonlocal size
            write, size = partial(write_all, file.fileno(), [piece], size), size + len(piece)
            if isinstance(piece, memoryview | bytes) or not piece.apart(write, lambda: None):
                write()

        while await pour_of(scope)(take, 1_500_000, by_pipe=True):
            pass
        digest = hashlib.file_digest(file, "sha256")
    await reply(send, digest.hexdigest())


async def receiving(scope: Any, receive: Any, send: Any) -> None:
    digest, more = hashlib.sha256(), True
    while more:
        message = await receive()
        digest.update(message["body"])
        more = message["more_body"]
    await reply(send, digest.hexdigest())


def exchange(server: RunningServer, *sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for piece in sent:
            connection.sendall(piece)
        said = b""
        while chunk := connection.recv(65_536):
            said += chunk
        return said


def head(*lines: str, method: str = "PUT") -> bytes:
    return "\r\n".join([f"{method} / HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


DIGEST = hashlib.sha256(BODY).hexdigest().encode()
LENGTH = f"Content-Length: {len(BODY)}"


@pytest.mark.parametrize("app", [pouring, piping, receiving])
def test_a_body_of_known_length_comes_whole(server: RunningServer, app: Any):
    server.app = app
    assert exchange(server, head(LENGTH, "Connection: close"), BODY).endswith(DIGEST)


def test_bodies_that_come_at_once_come_whole(server: RunningServer):
    server.app = leaving
    start = head(LENGTH, "Connection: close")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: exchange(server, start, BODY), range(8)))
    assert all(said.endswith(DIGEST) for said in answers)


@pytest.mark.parametrize("app", [pouring, receiving])
@pytest.mark.parametrize("size", [1000, 70_000, 3_000_000])
def test_a_body_in_chunks_comes_whole(server: RunningServer, app: Any, size: int):
    server.app = app
    start = head("Transfer-Encoding: chunked", "Connection: close")
    assert exchange(server, start, chunked(BODY, size)).endswith(DIGEST)


@pytest.mark.parametrize("app", [pouring, piping, receiving])
def test_requests_behind_each_other_are_answered_in_turn(server: RunningServer, app: Any):
    server.app = app
    short = head("Content-Length: 3") + b"abc"
    last = head("Connection: close", method="GET")
    said = exchange(server, short + head(LENGTH) + BODY + short + last)
    digests = [hashlib.sha256(body).hexdigest().encode() for body in (b"abc", BODY, b"abc", b"")]
    places = [said.index(digest) for digest in digests[:2]]
    assert said.endswith(digests[3])
    assert places == sorted(places)
    assert said.count(digests[0]) == 2


def test_a_client_that_waits_is_asked_to_go_on(server: RunningServer):
    server.app = pouring
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head("Content-Length: 3", "Expect: 100-continue", "Connection: close"))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        said = connection.recv(65_536)
        assert b" 200 " in said


def test_a_client_that_waits_and_is_refused_sends_nothing(server: RunningServer):
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, "no", 403)

    server.app = refusing
    said = exchange(server, head(LENGTH, "Expect: 100-continue"))
    assert said.startswith(b"HTTP/1.1 403")
    assert b"connection: close" in said


def test_a_refused_sender_of_much_sees_the_refusal(server: RunningServer):
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await reply(send, "too much", 413)

    server.app = refusing
    said = exchange(server, head(LENGTH), BODY)  # the whole body goes out before it looks
    assert said.startswith(b"HTTP/1.1 413")
    assert said.endswith(b"too much")


def test_a_short_body_that_nobody_wanted_does_not_end_the_connection(server: RunningServer):
    async def deaf(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, "heard nothing")

    server.app = deaf
    body = bytes(100_000)
    start = head(f"Content-Length: {len(body)}")
    said = exchange(server, start, body, head("Connection: close", method="GET"))
    assert said.count(b"heard nothing") == 2


@pytest.mark.parametrize("by_pipe", [False, True])
def test_a_client_that_goes_is_noticed_by_who_pours(server: RunningServer, by_pipe: bool):
    raised: list[BaseException] = []
    over = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            while await pour_of(scope)(lambda _: None, 1_000_000, by_pipe=by_pipe):
                pass
        except ConnectionResetError as fault:
            raised.append(fault)
            assert (await receive())["type"] == "http.disconnect"
        over.set()

    server.app = app
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(LENGTH) + BODY[:1_000_001])
    assert over.wait(10)
    assert raised


def test_a_body_that_is_no_http_breaks_off(server: RunningServer):
    server.app = pouring
    said = exchange(server, head("Transfer-Encoding: chunked"), b"zz\r\n")
    assert said.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("endless", [b"5;" + b"a" * 70_000, b"0\r\nX-Trailer: " + b"a" * 70_000])
def test_an_endless_chunk_head_or_trailer_is_refused(server: RunningServer, endless: bytes):
    server.app = pouring
    said = exchange(server, head("Transfer-Encoding: chunked") + b"1\r\na\r\n", endless, endless)
    assert said.startswith(b"HTTP/1.1 431")
