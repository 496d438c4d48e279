"""What is sent in the moment in which it is asked for: as much as the kernel takes, and no byte twice."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cimaise.server import sendfile
from cimaise.server.sendfile import ColdReader, FileSender

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
CONTENT = bytes(range(251)) * 30_000  # 7.5 MB: more than a socket holds


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


class Line:
    """A connection of which both ends are here."""

    def __init__(self) -> None:
        self.here, self.there = socket.socketpair()
        for end in (self.here, self.there):
            end.setblocking(False)
        loop = asyncio.get_running_loop()
        self.sender = FileSender(loop, self.here.fileno(), ColdReader())

    async def read(self, count: int) -> bytes:
        loop, whole = asyncio.get_running_loop(), b""
        while len(whole) < count:
            whole += await loop.sock_recv(self.there, count - len(whole))
        return whole

    def close(self) -> None:
        self.sender.close()
        self.here.close()
        self.there.close()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    made = Line()
    yield made
    made.close()


async def test_what_the_kernel_takes_is_sent_without_waiting(line: Line, file: int):
    whole = len(HEAD) + 1000
    assert line.sender.send_now(HEAD, file, 5, 1000) == line.sender.sent == whole
    assert await line.read(whole) == HEAD + CONTENT[5:1005]


async def test_the_rest_is_sent_by_waiting_and_no_byte_is_missing(line: Line, file: int):
    whole = len(HEAD) + len(CONTENT)
    sent = line.sender.send_now(HEAD, file, 0, len(CONTENT))
    assert len(HEAD) < sent < whole
    start = sent - len(HEAD)
    reading = asyncio.create_task(line.read(whole))
    await line.sender.send(b"", file, start, len(CONTENT) - start)
    assert await reading == HEAD + CONTENT


async def test_a_client_that_takes_nothing_gets_nothing(line: Line, file: int):
    while line.sender.send_now(b"", file, 0, len(CONTENT)):
        pass
    before = line.sender.sent
    assert line.sender.send_now(HEAD, file, 0, 1000) == 0
    assert line.sender.sent == before


async def test_a_head_alone_reads_nothing(line: Line, file: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "preadv", None)
    assert line.sender.send_now(HEAD, file, 0, 0) == len(HEAD)


async def test_what_has_to_be_read_from_the_disk_is_left(
    line: Line, file: int, monkeypatch: pytest.MonkeyPatch
):
    def cold(*_: object) -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "preadv", cold)
    assert line.sender.send_now(HEAD, file, 0, 1000) == 0


async def test_where_the_client_has_gone_nothing_is_sent(line: Line, file: int):
    line.there.close()
    assert line.sender.send_now(HEAD, file, 0, 1000) == 0


async def test_a_file_that_has_ended_gives_what_it_has(line: Line, file: int):
    sent = line.sender.send_now(HEAD, file, len(CONTENT) - 10, 1000)
    assert sent == len(HEAD) + 10
    assert line.sender.send_now(HEAD, file, len(CONTENT), 1000) == len(HEAD)


async def test_no_more_goes_at_once_than_others_can_wait_for(
    line: Line, file: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sendfile, "AT_ONCE_BYTES", 1000)
    assert line.sender.send_now(HEAD, file, 0, len(CONTENT)) == len(HEAD) + 1000
