"""Parts on disk: where they lie, that joining copies little, and any order of anything."""

import asyncio
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
from tests.kit.bodies import Stalled, chunked, content, read_all

KEY = "incoming/in-parts"
TYPE = "image/png"
SIZE = 1000


@pytest.fixture
def multipart(storage):
    return storage.multipart


async def begin(multipart) -> str:
    return await multipart.create(KEY, content_type=TYPE, part_size=SIZE)


async def send(multipart, upload, number, whole) -> PartInfo:
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


async def play(root: Path, steps: list[tuple[str, int]], last_length: int) -> None:
    numbers = itertools.count(1)

    def opened() -> FilesystemStorage:
        return FilesystemStorage(root, urls=None, random=lambda: f"random{next(numbers):026}")

    storages = [opened()]
    upload = await begin(storages[0].multipart)
    whole: dict[int, bytes] = {}
    stored: dict[int, PartInfo] = {}
    on_their_way: list[tuple[Sending, asyncio.Task[PartInfo]]] = []
    for seed, (action, choice) in enumerate(steps):
        multipart = storages[-1].multipart
        assert multipart is not None
        if action == "begin":
            length = SIZE if choice < 4 else last_length
            sending = Sending(choice, content(length, seed))
            work = multipart.write(KEY, upload, choice, sending.body(), size=length)
            on_their_way.append((sending, asyncio.create_task(work)))
            await sending.half.wait()
        elif action == "reopen":
            storages.append(opened())
        elif on_their_way:
            sending, task = on_their_way.pop(choice % len(on_their_way))
            if action == "cancel":
                task.cancel()
            sending.breaks = action == "break"
            sending.gate.set()
            if action == "finish":
                stored[sending.number] = await task
                whole[sending.number] = sending.whole
            else:
                with pytest.raises((ConnectionResetError, asyncio.CancelledError)):
                    await task
        listed = await multipart.parts(KEY, upload)
        assert listed == [stored[number] for number in sorted(stored)]
    for number in (1, 2, 3):
        if number not in stored:
            whole[number] = content(SIZE, 1000 + number)
            stored[number] = await send(multipart, upload, number, whole[number])
    expected = b"".join(whole[number] for number in sorted(whole))
    parts = [stored[number] for number in sorted(stored)]
    info = await multipart.complete(KEY, upload, parts)
    assert await read_all(storages[-1], KEY) == expected
    for sending, task in on_their_way:  # they come too late
        sending.gate.set()
        with pytest.raises(NotFound):
            await task
    assert await read_all(storages[-1], KEY) == expected
    assert await storages[-1].stat(KEY) == info
    assert await multipart.complete(KEY, upload, parts) == info
    for storage in storages:
        await storage.close()
    assert not any((root / "multipart").iterdir())
    assert not any((root / "tmp").iterdir())


@given(actions, st.integers(1, SIZE))
@settings(max_examples=120, deadline=None)
def test_any_order_of_sending_joins_the_last_whole_version_of_each_part(steps, last_length):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(bodies, "HOP_BYTES", 1)
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, lambda _: None)
        asyncio.run(play(Path(folder), [("reopen", 0), *steps], last_length))
