"""One request at a time is read, however many come together and wherever their bytes are cut."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.server.inlet import Inlet
from cimaise.server.limits import Limits
from cimaise.server.receive import Inflow, SharedBuffer
from cimaise.server.requests import Refused, Request

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nab\r\n\r\n\r\n\r\ncd"
CHUNKED = (
    b"POST /%d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\n\r\n\r\n\r\n2\r\nab\r\n0\r\nTrailer: x\r\n\r\n"
)
OFFER = b"GET /%d HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


class Loop:
    def time(self) -> float:
        return 0.0


class Transport:
    """Says whether anything would be read from it."""

    is_reading = True

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True


class Owner:
    """Answers a request when it is told to."""

    def __init__(self) -> None:
        self.transport = Transport()
        loop = cast("asyncio.AbstractEventLoop", Loop())
        self.inlet = Inlet(self, loop, Limits(), SharedBuffer())
        self.inlet.open(cast("asyncio.Transport", self.transport))
        self.is_answering = False
        self.came: list[bytes] = []
        self.bodies: list[Inflow] = []

    def request_came(self, request: Request) -> None:
        assert not self.is_answering
        self.is_answering = True
        self.came.append(request.target)
        body = Inflow(self.inlet)
        self.bodies.append(body)
        self.inlet.expect(body)

    def body_is_wanted(self, body: Inflow) -> None:
        """No client of this one waits to be asked."""

    def answered(self) -> None:
        self.is_answering = False
        self.inlet.go_on()


def sent(body: Inflow) -> bytes:
    message: Any = asyncio.run(body.receive(has_answered=lambda: False))
    assert not message["more_body"]
    return bytes(message["body"])


def test_what_comes_behind_a_request_waits_for_its_answer():
    owner = Owner()
    owner.inlet.feed(b"".join(GET % number for number in range(2000)))
    for number in range(2000):
        assert owner.came[number:] == [b"/%d" % number]
        assert owner.transport.is_reading is (number == 1999)
        owner.answered()
    assert owner.transport.is_reading


def test_a_body_is_read_while_its_request_is_answered():
    owner = Owner()
    data = (POST % 0) + (GET % 1)
    owner.inlet.feed(data[:60])
    assert owner.transport.is_reading
    owner.inlet.feed(data[60:])
    assert owner.came == [b"/0"]
    assert sent(owner.bodies[0]) == b"ab\r\n\r\n\r\n\r\ncd"
    owner.answered()
    assert owner.came == [b"/0", b"/1"]


@given(st.data())
def test_wherever_the_bytes_are_cut_the_same_requests_come(data: st.DataObject):
    kinds = data.draw(st.lists(st.sampled_from((GET, POST, CHUNKED, OFFER)), min_size=1))
    stream = b"".join(kind % number for number, kind in enumerate(kinds))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=8)))
    owner = Owner()
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        while not owner.transport.is_reading:
            owner.answered()
        owner.inlet.feed(memoryview(bytearray(stream[start:stop])))
    while len(owner.came) < len(kinds):
        owner.answered()
    assert owner.came == [b"/%d" % number for number in range(len(kinds))]
    for kind, body in zip(kinds, owner.bodies, strict=True):
        wanted = {POST: b"ab\r\n\r\n\r\n\r\ncd", CHUNKED: b"\r\n\r\nab"}.get(kind, b"")
        assert sent(body) == wanted
    assert owner.inlet.reader.is_between


def test_what_is_no_http_is_refused_once_it_is_its_turn():
    owner = Owner()
    owner.inlet.feed((GET % 0) + b"\0garbage\r\n\r\n" + (GET % 1))
    assert owner.came == [b"/0"]
    with pytest.raises(Refused):
        owner.answered()
    assert owner.came == [b"/0"]


@pytest.mark.parametrize("size", [1000, 40_000])
def test_a_head_without_an_end_is_refused_in_whatever_pieces_it_comes(size: int):
    owner = Owner()
    owner.inlet.feed(b"GET /")
    with pytest.raises(Refused):
        for _ in range(0, 70_000, size):
            owner.inlet.feed(b"a" * size)
