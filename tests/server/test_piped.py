"""Bytes that are still the kernel's: taken once, by whichever way, and never half."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cimaise.server.piped import Piped, Pipes, waiting_bytes

pytestmark = pytest.mark.skipif(not Pipes().is_able, reason="this system has no splice(2)")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def piece(ends) -> Piped:
    return piece_of(ends, b"12345")


def piece_of(ends: tuple[socket.socket, socket.socket], content: bytes) -> Piped:
    ours, theirs = ends
    theirs.sendall(content)
    ours.recv(len(content), socket.MSG_PEEK | socket.MSG_WAITALL)
    ours.setblocking(False)
    return Piped(Pipes(), ours.fileno(), len(content))


@pytest.fixture
def descriptor(tmp_path: Path) -> int:
    return os.open(tmp_path / "body", os.O_RDWR | os.O_CREAT)


def refusing(code: int, *, of: int | None = None) -> Any:
    """splice(2) that fails for one descriptor, or for all."""
    splice = os.splice

    def spliced(source: int, target: int, *args: Any, **kwargs: Any) -> int:
        if of in (None, target):
            raise OSError(code, os.strerror(code))
        return splice(source, target, *args, **kwargs)

    return spliced


def test_it_is_known_how_much_has_come_and_is_not_read(ends):
    ours, theirs = ends
    assert waiting_bytes(ours.fileno()) == 0
    piece_of(ends, b"12345")
    assert waiting_bytes(ours.fileno()) == 5
    theirs.shutdown(socket.SHUT_WR)
    assert ours.recv(5) == b"12345"
    assert waiting_bytes(ours.fileno()) == 0
    number = ours.fileno()
    ours.close()
    assert waiting_bytes(number) == 0


def test_a_piece_is_written_to_its_place_and_no_more_than_it(ends, descriptor: int):
    ours, theirs = ends
    piece = piece_of(ends, b"12345")
    theirs.sendall(b"more")
    os.write(descriptor, b"__")
    piece.move(descriptor, 2)
    piece.move(descriptor, 2)
    assert os.pread(descriptor, 100, 0) == b"__12345"
    ours.setblocking(True)
    assert ours.recv(100) == b"more"


def test_a_piece_is_taken_once(piece: Piped):
    assert len(piece) == 5
    assert bytes(piece) == b"12345"
    assert bytes(piece) == b""
    piece.drop()
    assert len(piece) == 5


def test_a_file_system_without_splice_gets_it_through_memory(
    piece: Piped, descriptor: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "splice", refusing(errno.EINVAL, of=descriptor))
    os.write(descriptor, b"__")
    piece.move(descriptor, 2)
    assert os.pread(descriptor, 100, 0) == b"__12345"


def test_a_system_that_cannot_is_not_asked_again(
    ends, descriptor: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "splice", refusing(errno.EINVAL))
    pipes = Pipes()
    piece_of(ends, b"12345")
    Piped(pipes, ends[0].fileno(), 5).move(descriptor, 0)
    assert os.pread(descriptor, 100, 0) == b"12345"
    assert not pipes.is_able


def test_a_full_disk_is_told_and_the_next_piece_is_its_own(
    ends, descriptor: int, monkeypatch: pytest.MonkeyPatch
):
    pipes = Pipes()
    piece_of(ends, b"12345")
    with monkeypatch.context() as patch:
        patch.setattr(os, "splice", refusing(errno.ENOSPC, of=descriptor))
        with pytest.raises(OSError, match="No space left"):
            Piped(pipes, ends[0].fileno(), 5).move(descriptor, 0)
    piece_of(ends, b"abc")
    Piped(pipes, ends[0].fileno(), 3).move(descriptor, 0)
    assert os.pread(descriptor, 100, 0) == b"abc"


def test_bytes_that_are_not_there_any_more_are_no_end(ends, descriptor: int):
    ours, theirs = ends
    piece_of(ends, b"12345")
    theirs.shutdown(socket.SHUT_WR)
    for take in (lambda piece: piece.move(descriptor, 0), bytes):
        with pytest.raises(ConnectionResetError):
            take(Piped(Pipes(), ours.fileno(), 6))
    Piped(Pipes(), ours.fileno(), 6).drop()
