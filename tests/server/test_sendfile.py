"""Files sent past Python: every byte, in order, or a connection that is visibly broken."""

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from cimaise.server import sendfile
from cimaise.server.protocol import http_protocol
from tests.kit.uvicorn_server import RunningServer, running_uvicorn

CONTENT = bytes(range(251)) * 30_000  # 7.5 MB: more than a socket holds


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with running_uvicorn(http=http_protocol(), loop=request.param) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def start(length: int | None) -> dict[str, Any]:
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def stretch(file: Any, offset: int, count: int | None, *, more: bool = False) -> dict[str, Any]:
    facts = {"file": file, "offset": offset, "count": count, "more_body": more}
    return {"type": "http.response.zerocopysend", **facts}


def body(text: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": more}


def answer(*messages: dict[str, Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def connected(server: RunningServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)


def get(server: RunningServer, method: str = "GET") -> bytes:
    connection = connected(server)
    try:
        connection.request(method, "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def open_at(path: Path) -> list[Path]:
    """The descriptors of a file that this process holds."""
    return [one for one in Path("/proc/self/fd").iterdir() if os.path.realpath(one) == str(path)]


def test_a_whole_file_arrives(server: RunningServer, file: int):
    server.app = answer(start(len(CONTENT)), stretch(file, 0, len(CONTENT)))
    assert get(server) == CONTENT


@pytest.mark.parametrize(("offset", "count"), [(0, 1), (7_000_000, 100_000), (12_345, 5_000_001)])
def test_a_stretch_of_a_file_arrives(server: RunningServer, file: int, offset: int, count: int):
    server.app = answer(start(count), stretch(file, offset, count))
    assert get(server) == CONTENT[offset : offset + count]


def test_without_a_count_the_rest_of_the_file_arrives(server: RunningServer, file: int):
    server.app = answer(start(len(CONTENT) - 9), stretch(file, 9, None))
    assert get(server) == CONTENT[9:]


def test_files_and_texts_alternate_in_one_answer(server: RunningServer, file: int):
    expected = b"--a" + CONTENT[:3_000_000] + b"--b" + CONTENT[5:10] + b"--"
    server.app = answer(
        start(len(expected)),
        body(b"--a", more=True),
        stretch(file, 0, 3_000_000, more=True),
        body(b"--b", more=True),
        stretch(file, 5, 5, more=True),
        body(b"--"),
    )
    assert get(server) == expected


def test_an_answer_without_a_length_goes_in_chunks(server: RunningServer, file: int):
    messages = [start(None), stretch(file, 0, 3_000_000, more=True), stretch(file, 3_000_000, 7)]
    server.app = answer(*messages)
    assert get(server) == CONTENT[:3_000_007]


def test_a_head_has_no_bytes(server: RunningServer, file: int):
    server.app = answer(start(len(CONTENT)), stretch(file, 0, len(CONTENT)))
    assert get(server, "HEAD") == b""


def test_a_path_is_sent_whole(server: RunningServer, tmp_path: Path):
    path = tmp_path / "by-path"
    path.write_bytes(CONTENT)
    message = {"type": "http.response.pathsend", "path": str(path)}
    server.app = answer(start(len(CONTENT)), message)
    assert get(server) == CONTENT


def test_a_connection_is_used_again_after_a_file(server: RunningServer, file: int):
    server.app = answer(start(len(CONTENT)), stretch(file, 0, len(CONTENT)))
    connection = connected(server)
    for _ in range(3):
        connection.request("GET", "/")
        assert connection.getresponse().read() == CONTENT
    connection.close()


def test_a_file_shorter_than_promised_breaks_the_connection(server: RunningServer, file: int):
    promised = len(CONTENT) + 1
    server.app = answer(start(promised), stretch(file, 0, promised))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        get(server)


def test_a_file_that_shrinks_under_us_breaks_the_connection(server: RunningServer, tmp_path: Path):
    path = tmp_path / "shrinking"
    path.write_bytes(CONTENT * 4)
    size = len(CONTENT) * 4

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with path.open("rb") as opened:
            await send(start(size))
            await send(stretch(opened, 0, 1_000_000, more=True))
            os.truncate(path, 1_500_000)
            await send(stretch(opened, 1_000_000, size - 1_000_000))

    server.app = app
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        get(server)


def test_a_client_that_goes_leaves_no_descriptor(server: RunningServer, tmp_path: Path):
    path = tmp_path / "large"
    with path.open("wb") as large:
        large.truncate(1 << 30)
    left: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with path.open("rb") as opened:
            await send(start(1 << 30))
            await send(stretch(opened, 0, 1 << 30))
        left.append((await receive())["type"] == "http.disconnect")
        gone.release()

    gone = threading.Semaphore(0)
    server.app = app
    before = open_files()
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while b"\0" not in client.recv(65_536):  # the head alone says nothing of the file
            pass
    assert len(open_at(path)) >= len(clients)
    for client in clients:
        client.close()
    for _ in clients:
        assert gone.acquire(timeout=10)
    assert left == [True] * 20
    assert not open_at(path)
    assert open_files() <= before + 20  # the sockets' own ends are closed a moment later


def test_what_never_left_because_the_client_went_is_told(server: RunningServer, tmp_path: Path):
    path, half = tmp_path / "large", 1 << 29
    with path.open("wb") as large:
        large.truncate(2 * half)
    unsent: Queue[int] = Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with path.open("rb") as opened:
            await send(start(2 * half))
            await send(stretch(opened, 0, half, more=True))
            await send(stretch(opened, half, half))  # to nobody by now
        unsent.put(scope["extensions"]["cimaise.unsent"]["bytes"])

    server.app = app
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65_536)
        came = len(head.partition(b"\r\n\r\n")[2])
        while came < 1_000_000:
            came += len(client.recv(65_536))
    left = 2 * half - unsent.get(timeout=10)
    assert came <= left < half


def test_a_cold_file_is_read_by_a_thread_and_arrives(
    server: RunningServer, file: int, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    read: list[int] = []
    real_read = sendfile._read

    def cold(descriptor: int, buffers: Any, offset: int, flags: int = 0) -> int:
        if offset not in asked:
            asked.append(offset)
            raise BlockingIOError
        return 1

    def seen(descriptor: int, offset: int, count: int) -> None:
        read.append(offset)
        real_read(descriptor, offset, count)

    monkeypatch.setattr(os, "preadv", cold)
    monkeypatch.setattr(sendfile, "_read", seen)
    server.app = answer(start(len(CONTENT)), stretch(file, 0, len(CONTENT)))
    assert get(server) == CONTENT
    assert read[0] == 0
    assert len(read) >= len(CONTENT) // sendfile.FETCH_BYTES


def test_a_file_system_that_cannot_say_what_is_cold_is_no_obstacle(
    server: RunningServer, file: int, monkeypatch: pytest.MonkeyPatch
):
    def unable(*_: Any) -> int:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "preadv", unable)
    server.app = answer(start(len(CONTENT)), stretch(file, 0, len(CONTENT)))
    assert get(server) == CONTENT
