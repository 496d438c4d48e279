import asyncio
import json
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
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


def test_a_connection_that_asks_nothing_more_is_let_go():
    with running_uvicorn(http=http_protocol(Limits(idle_s=0.2))) as server:
        server.app = answering
        assert ask(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"GET 0")


def test_a_body_that_stalls_is_refused_and_who_waits_for_it_learns_of_it():
    with running_uvicorn(http=http_protocol(Limits(body_stall_s=0.2))) as server:
        server.app = answering
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
        status, facts = problem(ask(server, head + b"abc"))
        assert (status, facts["code"]) == (408, "deadline")


def test_a_pause_of_the_application_is_no_fault_of_the_client():
    over = threading.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(None, over.wait)
        await answering(scope, receive, send)

    with running_uvicorn(http=http_protocol(Limits(body_stall_s=0.1, idle_s=0.1))) as server:
        server.app = slow
        threading.Timer(0.5, over.set).start()
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n"
        assert ask(server, head + bytes(400_000)).endswith(b"POST 400000")


def opened(server: RunningServer, count: int, request: bytes) -> list[socket.socket]:
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        connection.sendall(request)
        connections.append(connection)
    return connections


@pytest.mark.slow
def test_hundreds_that_drip_their_heads_are_let_go_and_others_are_served_meanwhile():
    with running_uvicorn(http=http_protocol(Limits(head_s=1.0)), backlog=512) as server:
        server.app = answering
        dripping = opened(server, 400, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a")
        quick = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert ask(server, quick).endswith(b"GET 0")
        for connection in dripping:
            said = connection.recv(65536)
            assert said.startswith(b"HTTP/1.1 408")
            connection.close()


@pytest.mark.slow
def test_hundreds_that_stop_sending_are_let_go():
    with running_uvicorn(http=http_protocol(Limits(body_stall_s=0.5)), backlog=512) as server:
        server.app = answering
        stalled = opened(server, 300, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
        for connection in stalled:
            assert connection.recv(65536).startswith(b"HTTP/1.1 408")
            connection.close()


def resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


SIZE = 1 << 30
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", str(SIZE).encode())],
}


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_hundreds_that_stop_reading_cost_little_and_are_let_go(tmp_path: Path, loop: str):
    path = tmp_path / "large"
    with path.open("wb") as large:
        large.truncate(SIZE)
    served = threading.Semaphore(0)

    async def files(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with path.open("rb") as file:
            await send(START)
            message = {"type": "http.response.zerocopysend", "file": file, "count": SIZE}
            await send(message)
        assert (await receive())["type"] == "http.disconnect"
        served.release()

    limits = Limits(write_stall_s=1.5)
    with running_uvicorn(http=http_protocol(limits), loop=loop, backlog=512) as server:
        server.app = files
        before = resident_mib()
        readers = opened(server, 200, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for reader in readers:
            assert reader.recv(20)
        assert resident_mib() - before < 40
        for _ in readers:
            assert served.acquire(timeout=20)
        for reader in readers:
            with pytest.raises(ConnectionResetError):
                while reader.recv(1 << 20):
                    pass
            reader.close()


def test_an_application_is_told_when_its_reader_stalls():
    told = threading.Event()

    async def streaming(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(START)
        gone = asyncio.ensure_future(receive())
        while not gone.done():
            await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
            await asyncio.sleep(0)
        told.set()

    with running_uvicorn(http=http_protocol(Limits(write_stall_s=0.3))) as server:
        server.app = streaming
        (reader,) = opened(server, 1, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert told.wait(10)
        reader.close()


def test_a_reader_that_stalls_is_cut_also_where_the_connection_is_about_to_close():
    async def large(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        headers = [(b"content-length", b"16000000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(16_000_000)})

    with running_uvicorn(http=http_protocol(Limits(write_stall_s=0.3))) as server:
        server.app = large
        (reader,) = opened(server, 1, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        with reader:
            waiting = select.poll()
            waiting.register(reader, 0)  # told of its end, and of nothing else
            [(_, event)] = waiting.poll(10_000)
            assert event & select.POLLERR


@pytest.mark.slow
def test_a_slow_reader_is_not_a_stalled_one(tmp_path: Path):
    """What the kernel holds for it counts as unread, so each small sip is progress."""
    path = tmp_path / "file"
    path.write_bytes(bytes(6_000_000))

    async def file(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"6000000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.pathsend", "path": str(path)})

    with running_uvicorn(http=http_protocol(Limits(write_stall_s=2))) as server:
        server.app = file
        (reader,) = opened(server, 1, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        sips = threading.Event()
        size = 0
        for _ in range(15):
            size += len(reader.recv(200_000))
            sips.wait(0.2)  # all sips take longer than a stall may, each of them a tenth of it
        while chunk := reader.recv(1 << 20):
            size += len(chunk)
        assert size > 6_000_000
        reader.close()
