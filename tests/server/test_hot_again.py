"""The same bytes again are the same request, and nothing else is."""

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import pytest

from cimaise.server.heads import MAX_BYTES, MOST, Heads
from cimaise.server.hot import HotLane
from cimaise.server.protocol import http_protocol
from cimaise.server.ready import Line, Meaning
from cimaise.server.scope import Address
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


BODY = b"picture"


def kept(body: bytes = BODY) -> Kept:
    return Kept(b'"v1"', ((b"etag", b'"v1"'), (b"content-length", b"7")), body)


READY = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


class CountingLane(HotLane):
    """Says how many requests were answered without being parsed."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Kept] = {b"/a": kept()}
        self.lines: list[Line] = []
        self.again = 0
        super().__init__(lambda target, _accept: self.kept.get(target), self._log)

    def _log(self, line: Line, *, elapsed_s: float, request_id: str) -> None:
        self.lines.append(line)

    def answer_again(
        self, head: bytes, defaults: list[tuple[bytes, bytes]], client: Address
    ) -> tuple[bytes, Meaning] | None:
        found = super().answer_again(head, defaults, client)
        self.again += found is not None
        return found


@pytest.fixture
def lane() -> CountingLane:
    return CountingLane()


@pytest.fixture(params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, lane: CountingLane) -> Iterator[RunningServer]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 203, "headers": []})
        await send({"type": "http.response.body", "body": b"asked"})

    protocol = http_protocol(hot=lane)
    with running_uvicorn(application, http=protocol, loop=request.param) as running:
        yield running


class Client:
    """One connection that stays."""

    def __init__(self, server: RunningServer) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def ask(self, data: bytes, *, is_head: bool = False) -> tuple[int, bytes]:
        self.send(data)
        return self.answer(is_head=is_head)

    def answer(self, *, is_head: bool = False) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        lines = []
        while line := self._file.readline().strip():
            lines.append(line.lower())
        fields = dict(line.split(b": ", 1) for line in lines[1:])
        status = int(lines[0].split()[1])
        if is_head or status == 304:
            return status, b""
        if fields.get(b"transfer-encoding") == b"chunked":
            assert self._file.readline() == b"5\r\n"
            body = self._file.read(5)
            assert self._file.read(7) == b"\r\n0\r\n\r\n"
            return status, body
        return status, self._file.read(int(fields.get(b"content-length", b"0")))

    def rest(self) -> bytes:
        return self._file.read()


def test_the_second_time_the_same_bytes_are_not_parsed(server: RunningServer, lane: CountingLane):
    with Client(server) as client:
        assert [client.ask(READY) for _ in range(3)] == [(200, BODY)] * 3
    assert lane.again == 2
    assert len(lane.lines) == 3
    assert lane.lines[1] is lane.lines[2]


def test_another_connection_may_send_the_same_bytes(server: RunningServer, lane: CountingLane):
    for _ in range(2):
        with Client(server) as client:
            assert client.ask(READY) == (200, BODY)
    assert lane.again == 1


def test_an_answer_that_was_dropped_is_not_sent_again(server: RunningServer, lane: CountingLane):
    with Client(server) as client:
        assert client.ask(READY) == (200, BODY)
        assert client.ask(READY) == (200, BODY)
        lane.kept.pop(b"/a").is_kept = False
        assert client.ask(READY) == (203, b"asked")


def test_an_answer_that_was_replaced_is_the_new_one(server: RunningServer, lane: CountingLane):
    with Client(server) as client:
        client.ask(READY)
        lane.kept[b"/a"].is_kept = False
        lane.kept[b"/a"] = kept(b"another")
        assert client.ask(READY) == (200, b"another")
        assert client.ask(READY) == (200, b"another")


@pytest.mark.parametrize("place", range(len(READY) - 2))
def test_one_byte_that_differs_is_another_request(place: int):
    heads: Heads[int] = Heads()
    heads.put(READY, 1, is_secret=False)
    heads.put(READY + READY, 2, is_secret=True)
    other = bytearray(READY)
    other[place] ^= 1
    assert heads.get(bytes(other)) is None
    assert heads.get(bytes(other) + READY) is None
    assert heads.get(READY) == 1
    assert heads.get(READY + READY) == 2


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"Range: bytes=0-1", 203),
        (b"Authorization: Bearer x", 203),
        (b'If-None-Match: "v1"', 304),
        (b'If-None-Match: "v0"', 200),
        (b"Content-Length: 0", 200),
    ],
)
def test_a_further_line_counts_each_time(server: RunningServer, line: bytes, status: int):
    more = READY.replace(b"\r\n\r\n", b"\r\n%b\r\n\r\n" % line)
    with Client(server) as client:
        for _ in range(3):
            assert client.ask(READY)[0] == 200
            assert client.ask(more)[0] == status


def test_a_head_is_asked_for_again_without_its_body(server: RunningServer, lane: CountingLane):
    head = READY.replace(b"GET", b"HEAD")
    with Client(server) as client:
        for _ in range(2):
            assert client.ask(head, is_head=True) == (200, b"")
            assert client.ask(READY) == (200, BODY)
    assert lane.again == 2


def test_requests_that_come_together_are_all_answered(server: RunningServer, lane: CountingLane):
    with Client(server) as client:
        for _ in range(2):
            client.send(READY * 3)
            assert [client.answer() for _ in range(3)] == [(200, BODY)] * 3
        assert client.ask(READY) == (200, BODY)
    assert lane.again == 0


def test_a_head_in_two_pieces_is_one_request(server: RunningServer, lane: CountingLane):
    with Client(server) as client:
        client.ask(READY)
        client.ask(READY)
        for cut in (1, 5, len(READY) - 1):
            client.send(READY[:cut])
            # the rest, and a request of its own behind it, which alone would be known
            client.send(READY[cut:])
            assert client.answer() == (200, BODY)
    assert lane.again >= 1


def test_known_bytes_inside_another_request_are_no_request(server: RunningServer):
    with Client(server) as client:
        client.ask(READY)
        client.ask(READY)
        post = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(READY)
        client.send(post)
        client.send(READY)  # the body
        assert client.answer() == (203, b"asked")
        assert client.ask(READY) == (200, BODY)


def test_a_body_makes_it_another_request(server: RunningServer, lane: CountingLane):
    with_body = b"GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    with Client(server) as client:
        for _ in range(2):
            assert client.ask(with_body) == (203, b"asked")
    assert lane.again == 0


def test_who_wants_to_close_is_let_go_each_time(server: RunningServer, lane: CountingLane):
    closing = READY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for _ in range(2):
        with Client(server) as client:
            assert client.ask(closing) == (200, BODY)
            assert client.rest() == b""
    assert lane.again == 1


def test_what_is_no_http_behind_a_request_is_refused_each_time(
    server: RunningServer, lane: CountingLane
):
    for _ in range(2):
        with Client(server) as client:
            client.send(READY + b"\0garbage\r\n\r\n")
            assert client.answer() == (200, BODY)
            assert re.match(rb"HTTP/1.1 400 ", client.rest())
    assert lane.again == 0


def test_an_offer_to_upgrade_hides_no_request(server: RunningServer, lane: CountingLane):
    offer = READY.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    with Client(server) as client:
        for _ in range(2):
            client.send(offer + READY)
            assert [client.answer(), client.answer()] == [(200, BODY)] * 2
    assert lane.again == 0


def test_a_request_with_an_id_of_its_own_keeps_it(server: RunningServer, lane: CountingLane):
    named = READY.replace(b"\r\n\r\n", b"\r\nX-Request-Id: %b\r\n\r\n")
    with Client(server) as client:
        for name in (b"from-proxy-1", b"from-proxy-2", b"from-proxy-2"):
            assert client.ask(named % name) == (200, BODY)
    assert lane.again == 0


def test_of_requests_with_a_secret_only_a_digest_is_kept():
    heads: Heads[int] = Heads()
    head = b"GET / HTTP/1.1\r\nCookie: cimaise_session=very-secret\r\n\r\n"
    heads.put(head, 1, is_secret=True)
    assert heads.get(head) == 1
    kept = [key for part in vars(heads).values() if isinstance(part, dict) for key in part]
    assert len(kept) == 1
    assert b"very-secret" not in kept[0]


def test_what_is_kept_has_bounds():
    heads: Heads[int] = Heads()
    for number in range(MOST + 1):
        heads.put(b"%d" % number, number, is_secret=False)
    assert heads.get(b"0") is None
    assert heads.get(b"1") == 1
    heads.put(b"x" * (MAX_BYTES + 1), 1, is_secret=False)
    assert heads.get(b"x" * (MAX_BYTES + 1)) is None
