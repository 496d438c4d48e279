"""Parts on disk: where they lie, that joining copies little, and any order of anything."""

import asyncio
import fcntl
import itertools
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cimaise.errors import NotFound
from cimaise.storage import bodies
from cimaise.storage.base import PartInfo
from cimaise.storage.filesystem import FilesystemStorage
from cimaise.storage.filesystem.multipart import FilesystemMultipart
from cimaise.storage.filesystem.parts import try_lock
from tests.kit.bodies import Stalled, chunked, content, read_all
from tests.kit.examples import examples

KEY = "incoming/in-parts"
TYPE = "image/png"
SIZE = 1000


@pytest.fixture
def multipart(storage):
    return storage.multipart


async def begin(multipart: FilesystemMultipart) -> str:
    return await multipart.create(KEY, content_type=TYPE, part_size=SIZE)


async def send(multipart: FilesystemMultipart, upload: str, number: int, whole: bytes) -> PartInfo:
    return await multipart.write(KEY, upload, number, chunked(whole), size=len(whole))


def left(root: Path, upload: str) -> list[str]:
    return sorted(path.name for path in (root / "multipart" / upload).iterdir())


async def test_first_sent_parts_lie_in_one_sparse_file_that_becomes_the_object(
    multipart, storage, root
):
    upload = await begin(multipart)
    parts = [await send(multipart, upload, number, content(SIZE, number)) for number in (3, 1, 2)]
    assert left(root, upload) == ["00001.json", "00002.json", "00003.json", "about.json", "data"]
    data = (root / "multipart" / upload / "data").stat()
    await multipart.complete(KEY, upload, sorted(parts, key=lambda part: part.part_number))
    assert (root / KEY).stat().st_ino == data.st_ino
    assert not any((root / "multipart").iterdir())
    assert not any((root / "tmp").iterdir())


async def test_a_right_guess_of_the_part_size_costs_no_copy(multipart, storage, root):
    upload = await multipart.create(KEY, content_type=TYPE, part_size=SIZE, is_exact=False)
    parts = [await send(multipart, upload, number, content(SIZE, number)) for number in (1, 2)]
    data = (root / "multipart" / upload / "data").stat()
    await multipart.complete(KEY, upload, parts)
    assert (root / KEY).stat().st_ino == data.st_ino


async def test_parts_longer_than_the_guess_lie_alone(multipart, storage, root):
    upload = await multipart.create(KEY, content_type=TYPE, part_size=SIZE, is_exact=False)
    longer = [await send(multipart, upload, number, content(2 * SIZE, number)) for number in (1, 2)]
    assert (root / "multipart" / upload / "data").stat().st_size == 0
    await multipart.complete(KEY, upload, longer)
    assert await read_all(storage, KEY) == content(2 * SIZE, 1) + content(2 * SIZE, 2)


async def test_a_part_far_behind_takes_no_room_before_it(multipart, root):
    upload = await multipart.create(KEY, content_type=TYPE, part_size=50_000_000)
    await send(multipart, upload, 100, b"far behind")
    data = (root / "multipart" / upload / "data").stat()
    assert data.st_size == 99 * 50_000_000 + 10
    assert data.st_blocks * 512 < 1_000_000


async def test_a_part_sent_again_lies_alone_and_the_one_before_it_goes(multipart, root):
    upload = await begin(multipart)
    for seed in range(3):
        last = await send(multipart, upload, 1, content(SIZE, seed))
    names = left(root, upload)
    assert names == ["00001.json", f"00001.{last.etag}", "about.json", "data"]


async def test_a_joined_object_of_parts_sent_again_is_still_the_sparse_file(
    multipart, storage, root
):
    upload = await begin(multipart)
    await send(multipart, upload, 1, content(SIZE, 1))
    two = await send(multipart, upload, 2, b"short")
    one = await send(multipart, upload, 1, content(SIZE, 3))
    data = (root / "multipart" / upload / "data").stat()
    await multipart.complete(KEY, upload, [one, two])
    assert (root / KEY).stat().st_ino == data.st_ino
    assert await read_all(storage, KEY) == content(SIZE, 3) + b"short"


async def test_while_somebody_still_writes_the_object_is_a_copy(
    multipart, storage, root, monkeypatch
):
    monkeypatch.setattr(bodies, "HOP_BYTES", 1)
    upload = await begin(multipart)
    two = await send(multipart, upload, 2, b"end")
    body = Stalled(content(SIZE // 2, 1))
    late = asyncio.create_task(multipart.write(KEY, upload, 1, body, size=SIZE))
    await body.waits.wait()
    one = await send(multipart, upload, 1, content(SIZE, 2))
    data = (root / "multipart" / upload / "data").stat()
    await multipart.complete(KEY, upload, [one, two])
    assert (root / KEY).stat().st_ino != data.st_ino
    assert await read_all(storage, KEY) == content(SIZE, 2) + b"end"
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert await read_all(storage, KEY) == content(SIZE, 2) + b"end"
    assert not any((root / "multipart").iterdir())
    assert not any((root / "tmp").iterdir())


async def test_joining_works_where_the_kernel_cannot_copy(multipart, storage, monkeypatch):
    def refuse(*_):
        raise OSError(18, "across devices")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    upload = await multipart.create(KEY, content_type=TYPE, part_size=3_000_000)
    await send(multipart, upload, 1, content(10))
    one = await send(multipart, upload, 1, content(3_000_000, 1))
    two = await send(multipart, upload, 2, content(10))
    await multipart.complete(KEY, upload, [one, two])
    assert await read_all(storage, KEY) == content(3_000_000, 1) + content(10)


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"size": 1000}', b"\xff"])
async def test_a_record_that_cannot_be_read_is_no_part(multipart, storage, root, junk):
    upload = await begin(multipart)
    part = await send(multipart, upload, 1, content(SIZE))
    (root / "multipart" / upload / "00001.json").write_bytes(junk)
    assert await multipart.parts(KEY, upload) == []
    part = await send(multipart, upload, 1, content(SIZE, 2))
    await multipart.complete(KEY, upload, [part])
    assert await read_all(storage, KEY) == content(SIZE, 2)


async def test_a_lock_file_of_a_dead_process_is_in_nobodys_way(multipart, root):
    upload = await begin(multipart)
    (root / "multipart" / upload / "00001.lock").touch()
    await send(multipart, upload, 1, content(SIZE))
    assert left(root, upload) == ["00001.json", "about.json", "data"]
    record = json.loads((root / "multipart" / upload / "00001.json").read_bytes())
    assert record["file"] == "data"


async def test_a_parts_bytes_are_durable_before_its_record_and_that_before_the_answer(
    multipart, monkeypatch
):
    upload = await begin(multipart)
    calls = []

    def watched(name):
        real = getattr(os, name)

        def call(*arguments):
            calls.append(name)
            return real(*arguments)

        monkeypatch.setattr(os, name, call)

    for name in ("pwritev", "fdatasync", "fsync", "rename"):
        watched(name)
    await send(multipart, upload, 1, content(SIZE))
    assert calls == ["pwritev", "fdatasync", "pwritev", "fsync", "rename", "fsync"]


def test_a_lock_of_a_file_that_was_replaced_is_no_lock(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with path.open("rb") as opened:
        assert try_lock(opened.fileno(), path, fcntl.LOCK_EX)
        with path.open("rb") as other:
            assert not try_lock(other.fileno(), path, fcntl.LOCK_SH)
        path.unlink()
        assert not try_lock(opened.fileno(), path, fcntl.LOCK_EX)
        path.touch()
        assert not try_lock(opened.fileno(), path, fcntl.LOCK_EX)


async def test_aborting_while_a_part_is_sent_leaves_nothing(multipart, root):
    upload = await begin(multipart)
    body = Stalled(content(SIZE // 2))
    late = asyncio.create_task(multipart.write(KEY, upload, 1, body, size=SIZE))
    await body.waits.wait()
    await multipart.abort(KEY, upload)
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert not any((root / "multipart").iterdir())
    assert not any((root / "tmp").iterdir())


async def test_a_part_that_ends_after_an_abort_is_not_found(multipart, root):
    upload = await begin(multipart)
    gate = asyncio.Event()
    started = asyncio.Event()

    async def body():
        started.set()
        await gate.wait()
        yield content(SIZE)

    late = asyncio.create_task(multipart.write(KEY, upload, 1, body(), size=SIZE))
    await started.wait()
    await multipart.abort(KEY, upload)
    gate.set()
    with pytest.raises(NotFound):
        await late
    assert not any((root / "multipart").iterdir())


@dataclass
class Sending:
    """A part on its way: half of it is sent, the rest follows when it is told to."""

    number: int
    whole: bytes
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    half: asyncio.Event = field(default_factory=asyncio.Event)
    breaks: bool = False

    async def body(self):
        yield self.whole[: len(self.whole) // 2]
        self.half.set()
        await self.gate.wait()
        if self.breaks:
            raise ConnectionResetError
        yield self.whole[len(self.whole) // 2 :]


actions = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(1, 4)),
        st.tuples(st.just("finish"), st.integers(0, 5)),
        st.tuples(st.just("break"), st.integers(0, 5)),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=14,
)


class Play:
    """An upload, what should be stored of it, and the parts on their way."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.numbers = itertools.count(1)
        self.storages: list[FilesystemStorage] = []
        self.upload = ""
        self.whole: dict[int, bytes] = {}
        self.stored: dict[int, PartInfo] = {}
        self.on_their_way: list[tuple[Sending, asyncio.Task[PartInfo]]] = []

    @property
    def multipart(self) -> FilesystemMultipart:
        return self.storages[-1].multipart

    def reopen(self) -> None:
        random = (f"random{number:026}" for number in self.numbers)
        self.storages.append(
            FilesystemStorage(self.root, urls=None, random=random.__next__, threads=2)
        )

    async def begin(self, number: int, whole: bytes) -> None:
        sending = Sending(number, whole)
        work = self.multipart.write(KEY, self.upload, number, sending.body(), size=len(whole))
        self.on_their_way.append((sending, asyncio.create_task(work)))
        await sending.half.wait()

    async def end(self, action: str, choice: int) -> None:
        if not self.on_their_way:
            return
        sending, task = self.on_their_way.pop(choice % len(self.on_their_way))
        if action == "cancel":
            task.cancel()
        sending.breaks = action == "break"
        sending.gate.set()
        if action == "finish":
            self.stored[sending.number] = await task
            self.whole[sending.number] = sending.whole
        else:
            with pytest.raises((ConnectionResetError, asyncio.CancelledError)):
                await task

    async def step(self, action: str, choice: int, *, seed: int, last_length: int) -> None:
        if action == "begin":
            await self.begin(choice, content(SIZE if choice < 4 else last_length, seed))
        elif action == "reopen":
            self.reopen()
        else:
            await self.end(action, choice)
        listed = await self.multipart.parts(KEY, self.upload)
        assert listed == [self.stored[number] for number in sorted(self.stored)]

    async def complete(self) -> None:
        for number in {1, 2, 3} - set(self.stored):
            self.whole[number] = content(SIZE, 1000 + number)
            part = await send(self.multipart, self.upload, number, self.whole[number])
            self.stored[number] = part
        expected = b"".join(self.whole[number] for number in sorted(self.whole))
        parts = [self.stored[number] for number in sorted(self.stored)]
        info = await self.multipart.complete(KEY, self.upload, parts)
        assert await read_all(self.storages[-1], KEY) == expected
        for sending, task in self.on_their_way:  # they come too late
            sending.gate.set()
            with pytest.raises(NotFound):
                await task
        assert await read_all(self.storages[-1], KEY) == expected
        assert await self.storages[-1].stat(KEY) == info
        assert await self.multipart.complete(KEY, self.upload, parts) == info


async def play(root: Path, steps: list[tuple[str, int]], last_length: int) -> None:
    game = Play(root)
    game.reopen()
    game.upload = await begin(game.multipart)
    for seed, (action, choice) in enumerate(steps):
        await game.step(action, choice, seed=seed, last_length=last_length)
    await game.complete()
    for storage in game.storages:
        await storage.close()
    assert not any((root / "multipart").iterdir())
    assert not any((root / "tmp").iterdir())


@given(actions, st.integers(1, SIZE))
@settings(max_examples=examples(120))
def test_any_order_of_sending_joins_the_last_whole_version_of_each_part(steps, last_length):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(bodies, "HOP_BYTES", 1)
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, lambda _: None)
        asyncio.run(play(Path(folder), steps, last_length))
