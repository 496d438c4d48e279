"""Appending on the event loop: the same rules, with the upload kept open while much comes."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cimaise.errors import NotFound, Unavailable, WrongState
from cimaise.storage.filesystem import FilesystemStorage
from cimaise.storage.filesystem.append_now import AppendNow, Places
from cimaise.storage.filesystem.held import HeldUpload
from cimaise.storage.filesystem.parts import upload_path
from cimaise.storage.measured import MeasuredStorage, Measurement

KEY = "objects/appended"
MUCH = bytes(200_000)


@pytest.fixture
async def upload(storage: FilesystemStorage) -> str:
    return await storage.multipart.create(KEY, content_type="image/png", part_size=1000)


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="this system does not tell what is open"
)


def open_files(root: Path) -> int:
    """Descriptors of this process that lead below the storage's root."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += link.readlink().is_relative_to(root)
        except OSError:
            continue
    return found


async def now_of(storage: FilesystemStorage, upload: str, places: Places) -> AppendNow:
    hold = await storage.appends.take(KEY, upload)
    return AppendNow(upload_path(storage._layout, upload), hold.owner, places)


async def test_an_upload_of_which_much_comes_stays_open_until_it_rests(storage, upload, root):
    places = Places(1)
    append = await now_of(storage, upload, places)
    assert append(MUCH, 0)
    assert append(MUCH, len(MUCH))
    assert open_files(root) == 2
    assert places.left == 0
    append.rest()
    append.rest()
    assert open_files(root) == 0
    assert places.left == 1
    assert (await storage.appends.take(KEY, upload)).size == 2 * len(MUCH)


async def test_an_upload_of_which_little_comes_is_open_for_each_piece_only(storage, upload, root):
    append = await now_of(storage, upload, Places())
    assert append(MUCH, 0)
    assert append(b"little", len(MUCH))
    assert open_files(root) == 0


async def test_no_more_stay_open_than_there_are_places(storage, upload, root):
    append = await now_of(storage, upload, Places(0))
    assert append(MUCH, 0)
    assert open_files(root) == 0


async def test_while_it_is_open_somebody_else_may_take_it(storage, upload, root):
    append = await now_of(storage, upload, Places())
    assert append(MUCH, 0)
    hold = await storage.appends.take(KEY, upload)
    assert hold.size == len(MUCH)
    with pytest.raises(WrongState) as refusal:
        append(MUCH, len(MUCH))
    assert refusal.value.code == "taken_over"
    assert open_files(root) == 0
    assert await storage.appends.keep(KEY, upload, hold) == len(MUCH)


@pytest.mark.parametrize("end", ["finished", "aborted"])
async def test_what_was_finished_or_aborted_meanwhile_is_not_written_to(
    storage, upload, root, end: str
):
    append = await now_of(storage, upload, Places())
    assert append(MUCH, 0)
    if end == "finished":
        await storage.appends.finish(KEY, upload, size=len(MUCH))
    else:
        await storage.multipart.abort(KEY, upload)
    with pytest.raises(NotFound):
        append(MUCH, len(MUCH))
    assert open_files(root) == 0
    if end == "finished":
        assert (await storage.stat(KEY)).size == len(MUCH)


async def test_nothing_is_written_anywhere_but_at_the_end(storage, upload):
    append = await now_of(storage, upload, Places())
    assert append(MUCH, 0)
    with pytest.raises(WrongState):
        append(MUCH, 1)
    assert (await storage.appends.take(KEY, upload)).size == len(MUCH)


async def test_a_piece_that_is_still_the_kernels_is_moved(storage, upload):
    class Piece:
        def __len__(self) -> int:
            return 3

        def __bytes__(self) -> bytes:
            raise AssertionError

        def move(self, descriptor: int, offset: int, /) -> None:
            os.pwrite(descriptor, b"abc", offset)

        def apart(self, work: object, then: object, /) -> bool:
            return False

    append = await now_of(storage, upload, Places())
    assert append(b"__", 0)
    assert append(Piece(), 2)
    assert await storage.appends.head(KEY, upload, size=9) == b"__abc"


class Apart:
    """A piece that is left to a thread; that has not begun yet."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.work: Callable[[], None] = pytest.fail
        self.then: Callable[[], None] = pytest.fail

    def __len__(self) -> int:
        return len(self._content)

    def move(self, descriptor: int, offset: int, /) -> None:
        os.pwrite(descriptor, self._content, offset)

    def apart(self, work: Callable[[], None], then: Callable[[], None], /) -> bool:
        self.work, self.then = work, then
        return True


@pytest.mark.parametrize("size", [3, len(MUCH)])
async def test_nobody_takes_an_upload_before_a_thread_has_written_its_piece(
    storage, upload, root, size: int
):
    append = await now_of(storage, upload, Places())
    piece: Any = Apart(MUCH[:size])
    assert append(piece, 0)
    other = HeldUpload(upload_path(storage._layout, upload))
    with pytest.raises(BlockingIOError):
        other.lock(is_patient=False)
    piece.work()
    with pytest.raises(BlockingIOError):
        other.lock(is_patient=False)
    piece.then()
    other.lock(is_patient=False)
    assert other.length == size
    other.close()
    append.rest()
    assert open_files(root) == 0


async def test_a_thread_that_cannot_write_gives_the_upload_back(storage, upload, root):
    class Full(Apart):
        def move(self, descriptor: int, offset: int, /) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    append = await now_of(storage, upload, Places(0))
    piece: Any = Full(MUCH)
    assert append(piece, 0)
    with pytest.raises(Unavailable):
        piece.work()
    piece.then()
    assert open_files(root) == 0
    assert append(MUCH, 0)


async def test_a_measured_storage_tells_at_each_rest_what_was_appended(storage, upload):
    seen: list[Measurement] = []
    appends: Any = MeasuredStorage(storage, seen.append).appends
    hold = await appends.take(KEY, upload)
    append = appends.now(KEY, upload, hold)
    seen.clear()
    assert append(MUCH, 0)
    assert append(b"little", len(MUCH))
    assert seen == []
    append.rest()
    append.rest()
    with pytest.raises(WrongState):
        append(b"elsewhere", 0)
    append.rest()
    assert [(one.verb, one.bytes) for one in seen] == [("append_now", len(MUCH) + len(b"little"))]
