"""Bodies that go from the socket into a file by a pipe: every byte once, and an end that is seen."""

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from cimaise.server.reading import Reading
from cimaise.server.siphon import Pipe, Piped, Siphon

BODY = bytes(range(256)) * 20_000  # 5 MB

pytestmark = pytest.mark.skipif(not Pipe().is_able, reason="this system has no splice(2)")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


class Owner:
    """Writes what comes into a file, until there is enough of it."""

    def __init__(self, file: Path, size: int) -> None:
        self.descriptor = os.open(file, os.O_RDWR | os.O_CREAT)
        self.room = size
        self.got = 0
        self.is_over = asyncio.Event()

    @property
    def content(self) -> bytes:
        return os.pread(self.descriptor, self.got + 1, 0)

    def take(self, piece: Piped) -> None:
        piece.move(self.descriptor, self.got)
        self.got += len(piece)
        self.room -= len(piece)
        if not self.room:
            self.is_over.set()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "body"


async def test_every_byte_comes_once_and_no_more_than_was_wanted(ends, file: Path):
    ours, theirs = ends
    loop, owner = asyncio.get_running_loop(), Owner(file, len(BODY))
    siphon = Siphon(loop, Pipe(), ours.fileno(), owner, owner.is_over.set)
    siphon.resume_reading()
    await loop.sock_sendall(theirs, BODY)
    await loop.sock_sendall(theirs, b"the next request")
    await owner.is_over.wait()
    siphon.close()
    assert owner.content == BODY
    assert await loop.sock_recv(ours, 100) == b"the next request"


async def test_nothing_is_read_while_it_rests(ends, file: Path):
    ours, theirs = ends
    loop, owner = asyncio.get_running_loop(), Owner(file, 4)
    siphon = Siphon(loop, Pipe(), ours.fileno(), owner, owner.is_over.set)
    siphon.resume_reading()
    siphon.pause_reading()
    await loop.sock_sendall(theirs, b"1234")
    siphon._ready()  # as when it was ready before it was told to rest
    assert owner.got == 0
    siphon.resume_reading()
    await owner.is_over.wait()
    siphon.close()
    assert owner.content == b"1234"


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_a_client_that_goes_is_left_to_the_transport(ends, file: Path, how: str):
    ours, theirs = ends
    owner = Owner(file, 4)
    siphon = Siphon(asyncio.get_running_loop(), Pipe(), ours.fileno(), owner, owner.is_over.set)
    siphon.resume_reading()
    if how == "resets":
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    await owner.is_over.wait()
    siphon.close()
    assert owner.got == 0


async def test_what_nobody_took_is_gone_before_the_next_comes(ends):
    ours, theirs = ends
    loop, pipe = asyncio.get_running_loop(), Pipe()
    taken: list[bytes] = []
    is_over = asyncio.Event()

    class Choosy:
        room = 3

        def take(self, piece: Piped) -> None:
            if taken:
                taken.append(bytes(piece))
                is_over.set()
            else:
                taken.append(b"looked away")

    siphon = Siphon(loop, pipe, ours.fileno(), Choosy(), lambda: None)
    siphon.resume_reading()
    await loop.sock_sendall(theirs, b"abcdef")
    await is_over.wait()
    siphon.close()
    assert taken == [b"looked away", b"def"]


def piped(content: bytes) -> tuple[Piped, int]:
    """A piece in a pipe of its own, and the end that was written to."""
    out, into = os.pipe()
    os.write(into, content)
    return Piped(out, len(content)), out


def test_a_file_system_without_splice_gets_it_through_memory(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any, **__: Any) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    piece, _ = piped(b"12345")
    monkeypatch.setattr(os, "splice", refuse)
    file.write_bytes(b"__")
    descriptor = os.open(file, os.O_RDWR)
    piece.move(descriptor, 2)
    assert file.read_bytes() == b"__12345"


def test_a_full_disk_is_told(file: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    piece, _ = piped(b"12345")
    monkeypatch.setattr(os, "splice", refuse)
    with pytest.raises(OSError, match="No space left"):
        piece.move(os.open(file, os.O_RDWR | os.O_CREAT), 0)
    piece.drop()


def test_a_piece_is_taken_once():
    piece, _ = piped(b"12345")
    assert len(piece) == 5
    assert bytes(piece) == b"12345"
    assert bytes(piece) == b""
    assert len(piece) == 5


def test_a_system_that_cannot_is_not_asked_again(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "splice", refuse)
    pipe = Pipe()
    with pytest.raises(OSError, match="Invalid"):
        pipe.fill(0, 1)
    assert not pipe.is_able


class Transport:
    """Of a socket; says whether it reads."""

    def __init__(self, ours: socket.socket, context: object = None) -> None:
        self._facts = {"socket": ours, "sslcontext": context}
        self._is_reading = True

    def reads(self) -> bool:
        return self._is_reading

    def get_extra_info(self, name: str) -> object:
        return self._facts[name]

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        assert self._is_reading
        self._is_reading = False

    def resume_reading(self) -> None:
        assert not self._is_reading
        self._is_reading = True


async def test_the_transport_rests_while_a_siphon_reads(ends, file: Path):
    transport, owner = Transport(ends[0]), Owner(file, 4)
    reading = Reading(asyncio.get_running_loop(), cast("Any", transport), Pipe())
    reading.speed_up(owner)
    assert not transport.reads()
    reading.speed_up(owner)
    reading.pause()
    assert reading.resume()
    assert not reading.resume()
    assert not transport.reads()
    reading.slow_down()
    assert transport.reads()
    reading.speed_up(owner)
    reading.pause()
    reading.slow_down()
    assert not transport.reads()
    assert reading.resume()
    assert transport.reads()


async def test_what_is_encrypted_is_read_by_the_transport(ends, file: Path):
    transport = Transport(ends[0], context=object())
    reading = Reading(asyncio.get_running_loop(), cast("Any", transport), Pipe())
    reading.speed_up(Owner(file, 4))
    assert transport.reads()


async def test_without_descriptors_it_goes_on_by_the_transport(
    ends, file: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", refuse)
    transport = Transport(ends[0])
    reading = Reading(asyncio.get_running_loop(), cast("Any", transport), Pipe())
    reading.speed_up(Owner(file, 4))
    assert transport.reads()
