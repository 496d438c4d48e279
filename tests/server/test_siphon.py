"""Bodies that go from the socket into a file by a pipe: every byte once, and an end that is seen."""

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from cimaise.server import siphon as siphons
from cimaise.server.piped import Piped, Pipes
from cimaise.server.reading import Reading
from cimaise.server.siphon import Siphon

BODY = bytes(range(256)) * 20_000  # 5 MB

pytestmark = pytest.mark.skipif(not Pipes().is_able, reason="this system has no splice(2)")


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
        self.taken(piece, None)

    def taken(self, piece: Piped, fault: BaseException | None) -> None:
        assert fault is None
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
    siphon = Siphon(loop, Pipes(), ours.fileno(), owner, owner.is_over.set)
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
    siphon = Siphon(loop, Pipes(), ours.fileno(), owner, owner.is_over.set)
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
    siphon = Siphon(asyncio.get_running_loop(), Pipes(), ours.fileno(), owner, owner.is_over.set)
    siphon.resume_reading()
    if how == "resets":
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    await owner.is_over.wait()
    siphon.close()
    assert owner.got == 0


async def test_what_nobody_took_is_gone_before_the_next_comes(ends):
    ours, theirs = ends
    loop, pipe = asyncio.get_running_loop(), Pipes()
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

        def taken(self, piece: Piped, fault: BaseException | None) -> None:
            raise AssertionError

    siphon = Siphon(loop, pipe, ours.fileno(), Choosy(), lambda: None)
    siphon.resume_reading()
    await loop.sock_sendall(theirs, b"abcdef")
    await is_over.wait()
    siphon.close()
    assert taken == [b"looked away", b"def"]


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
    reading = Reading(asyncio.get_running_loop(), cast("Any", transport), Pipes())
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


class Refusing(Owner):
    """Takes nothing, and says in the same moment that the body has ended."""

    reading: Reading

    def take(self, piece: Piped) -> None:
        self.reading.slow_down()
        self.is_over.set()


async def test_what_nobody_took_of_the_end_of_a_body_is_no_next_request(ends, file: Path):
    ours, theirs = ends
    transport, owner = Transport(ours), Refusing(file, 4)
    loop, pipes = asyncio.get_running_loop(), Pipes()
    owner.reading = Reading(loop, cast("Any", transport), pipes)
    owner.reading.speed_up(owner)
    await loop.sock_sendall(theirs, b"1234the next request")
    await owner.is_over.wait()
    assert transport.reads()
    assert pipes.bodies == 0
    assert await loop.sock_recv(ours, 100) == b"the next request"


class Losing(Owner):
    """Finds that the client has gone when it takes."""

    def take(self, piece: Piped) -> None:
        self.is_over.set()
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


async def test_a_client_that_goes_while_its_bytes_are_taken_is_left_to_the_transport(
    ends, file: Path
):
    ours, theirs = ends
    transport, owner = Transport(ours), Losing(file, 4)
    loop, pipes = asyncio.get_running_loop(), Pipes()
    reading = Reading(loop, cast("Any", transport), pipes)
    reading.speed_up(owner)
    await loop.sock_sendall(theirs, b"1234")
    await owner.is_over.wait()
    assert transport.reads()
    assert pipes.bodies == 0


async def test_what_is_encrypted_is_read_by_the_transport(ends, file: Path):
    transport = Transport(ends[0], context=object())
    reading = Reading(asyncio.get_running_loop(), cast("Any", transport), Pipes())
    reading.speed_up(Owner(file, 4))
    assert transport.reads()


async def test_without_descriptors_it_goes_on_by_the_transport(
    ends, file: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", refuse)
    transport = Transport(ends[0])
    reading = Reading(asyncio.get_running_loop(), cast("Any", transport), Pipes())
    reading.speed_up(Owner(file, 4))
    assert transport.reads()


class Waiting(Owner):
    """Leaves what comes to a thread, which waits until it may move it."""

    def __init__(self, file: Path, size: int) -> None:
        super().__init__(file, size)
        self.may_move = threading.Event()
        self.begun = asyncio.Event()
        self.told: list[str] = []
        self.faults: list[BaseException | None] = []

    def take(self, piece: Piped) -> None:
        def work() -> None:
            assert self.may_move.wait(30)
            piece.move(self.descriptor, self.got)

        assert piece.apart(work, lambda: self.told.append("done"))
        self.begun.set()

    def taken(self, piece: Piped, fault: BaseException | None) -> None:
        self.told.append("taken")
        self.faults.append(fault)
        super().taken(piece, None)


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> Pipes:
    """Of a loop by which another body comes, too."""
    monkeypatch.setattr(siphons, "_WORTH_BYTES", 1)
    pipes = Pipes()
    pipes.bodies += 1
    return pipes


async def test_where_several_come_a_thread_moves_what_its_taker_leaves_to_it(
    ends, file: Path, several: Pipes
):
    ours, theirs = ends
    loop, owner = asyncio.get_running_loop(), Waiting(file, len(BODY))
    owner.may_move.set()
    siphon = Siphon(loop, several, ours.fileno(), owner, owner.is_over.set)
    siphon.resume_reading()
    await loop.sock_sendall(theirs, BODY + b"the next request")
    await owner.is_over.wait()
    siphon.close()
    assert owner.content == BODY
    assert owner.told == ["done", "taken"] * (len(owner.told) // 2)
    assert await loop.sock_recv(ours, 100) == b"the next request"
    assert several.bodies == 1


async def test_nothing_is_read_and_nothing_ends_while_a_thread_moves(
    ends, file: Path, several: Pipes
):
    ours, theirs = ends
    transport, owner = Transport(ours), Waiting(file, 4)
    loop = asyncio.get_running_loop()
    reading = Reading(loop, cast("Any", transport), several)
    reading.speed_up(owner)
    await loop.sock_sendall(theirs, b"1234")
    await owner.begun.wait()
    reading.pause()
    assert reading.resume()
    reading.slow_down()
    reading.slow_down()
    assert not transport.reads()
    owner.may_move.set()
    await owner.is_over.wait()
    await asyncio.sleep(0)
    assert transport.reads()
    assert owner.content == b"1234"
    assert several.bodies == 1


async def test_what_a_thread_raises_is_told_and_the_rest_is_gone(ends, file: Path, several: Pipes):
    ours, theirs = ends
    loop, owner = asyncio.get_running_loop(), Waiting(file, 4)

    def refuse(piece: Piped) -> None:
        def work() -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        assert piece.apart(work, lambda: None)

    owner.take = refuse  # type: ignore[method-assign]
    siphon = Siphon(loop, several, ours.fileno(), owner, owner.is_over.set)
    siphon.resume_reading()
    await loop.sock_sendall(theirs, b"1234")
    await owner.is_over.wait()
    siphon.close()
    assert "No space left" in str(owner.faults[0])
    await loop.sock_sendall(theirs, b"5678")
    assert await loop.sock_recv(ours, 100) == b"5678"


async def test_a_body_that_comes_alone_needs_no_thread(ends, file: Path):
    ours, theirs = ends
    loop, owner = asyncio.get_running_loop(), Owner(file, 4)
    refused: list[bool] = []

    def take(piece: Piped) -> None:
        refused.append(piece.apart(lambda: None, lambda: None))
        Owner.take(owner, piece)

    owner.take = take  # type: ignore[method-assign]
    siphon = Siphon(loop, Pipes(), ours.fileno(), owner, owner.is_over.set)
    siphon.resume_reading()
    await loop.sock_sendall(theirs, b"1234")
    await owner.is_over.wait()
    siphon.close()
    assert refused == [False]
    assert owner.content == b"1234"
