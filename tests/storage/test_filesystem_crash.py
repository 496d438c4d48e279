"""Dying at any moment: what is recorded is whole, what is visible is whole, the rest can go on."""

import itertools
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cimaise.errors import NotFound
from cimaise.storage import bodies
from cimaise.storage.base import PartInfo
from cimaise.storage.filesystem import FilesystemStorage
from cimaise.storage.filesystem.multipart import FilesystemMultipart
from tests.kit.bodies import chunked, content, read_all
from tests.kit.power import PowerCut, PowerSwitch

KEY = "incoming/dies-while-written"
TARGET = "objects/ab/cd/target"
TYPE = "image/png"
SIZE = 4000
_numbers = itertools.count(1)

Scenario = Callable[[FilesystemStorage], Awaitable[None]]


def opened(root: Path) -> FilesystemStorage:
    return FilesystemStorage(root, urls=None, random=lambda: f"random{next(_numbers):026}")


@pytest.fixture
def power(monkeypatch: pytest.MonkeyPatch) -> PowerSwitch:
    monkeypatch.setattr(bodies, "HOP_BYTES", 1)
    return PowerSwitch(monkeypatch)


async def survives(root: Path, power: PowerSwitch, changes: int, scenario: Scenario) -> bool:
    """Run the scenario until the power goes; ``True`` where it came to its end before."""
    storage = opened(root)
    power.cut_after(changes)
    try:
        await scenario(storage)
    except PowerCut:
        return False
    finally:
        power.on()
        await storage.close()
    return True


async def nothing_is_left_but(root: Path, storage: FilesystemStorage, keys: list[str]) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await storage.sweeper.sweep_temporary(tomorrow)
    assert [info.key async for info in storage.list("")] == keys
    assert not any((root / "tmp").iterdir())
    assert not any((root / "multipart").iterdir())


async def test_a_write_that_dies_leaves_the_old_object_or_the_new_one(tmp_path, power):
    old, new = content(SIZE, 1), content(3 * SIZE, 2)

    async def replace(storage):
        await storage.write(KEY, chunked(new, SIZE), content_type=TYPE)

    for changes in itertools.count():
        root = tmp_path / str(changes)
        storage = opened(root)
        await storage.write(KEY, chunked(old), content_type=TYPE)
        done = await survives(root, power, changes, replace)
        assert await read_all(storage, KEY) in ([new] if done else [old, new])
        await nothing_is_left_but(root, storage, [KEY])
        await storage.close()
        if done:
            break
    assert changes > 6


async def test_a_first_write_that_dies_leaves_nothing_or_the_whole(tmp_path, power):
    new = content(3 * SIZE, 2)

    async def write(storage):
        await storage.write(TARGET, chunked(new, SIZE), content_type=TYPE)

    for changes in itertools.count():
        root = tmp_path / str(changes)
        opened_before = opened(root)
        await opened_before.close()
        done = await survives(root, power, changes, write)
        storage = opened(root)
        keys = [info.key async for info in storage.list("")]
        assert keys in ([[TARGET]] if done else [[], [TARGET]])
        if keys:
            assert await read_all(storage, TARGET) == new
        await storage.close()
        if done:
            break
    assert changes > 10


async def test_a_move_that_dies_loses_nothing_and_can_be_made_again(tmp_path, power):
    whole = content(SIZE)

    async def move(storage):
        await storage.move(KEY, TARGET)

    for changes in itertools.count():
        root = tmp_path / str(changes)
        storage = opened(root)
        info = await storage.write(KEY, chunked(whole), content_type=TYPE)
        done = await survives(root, power, changes, move)
        try:
            await storage.move(KEY, TARGET, if_etag=info.etag)
            assert not done
        except NotFound:
            pass
        assert await read_all(storage, TARGET) == whole
        assert (await storage.stat(TARGET)).etag == info.etag
        await nothing_is_left_but(root, storage, [TARGET])
        await storage.close()
        if done:
            break
    assert changes > 4


async def send(multipart: FilesystemMultipart, upload: str, number: int, whole: bytes) -> PartInfo:
    return await multipart.write(KEY, upload, number, chunked(whole, SIZE // 2), size=len(whole))


class Upload:
    """Three parts, the first sent three times, a fourth that is not wanted; then all is joined."""

    def __init__(self) -> None:
        self.id = ""
        self.parts: list[PartInfo] = []

    async def __call__(self, storage: FilesystemStorage) -> None:
        multipart = storage.multipart
        self.id = await multipart.create(KEY, content_type=TYPE, part_size=SIZE)
        await send(multipart, self.id, 4, content(SIZE, 40))
        two = await send(multipart, self.id, 2, content(SIZE, 20))
        for seed in (10, 11, 12):
            one = await send(multipart, self.id, 1, content(SIZE, seed))
        three = await send(multipart, self.id, 3, content(7, 30))
        self.parts = [one, two, three]
        await multipart.complete(KEY, self.id, self.parts)


async def go_on(storage: FilesystemStorage, upload: Upload) -> None:
    """What a client does after a restart: ask what is there, send what is not, complete."""
    multipart = storage.multipart
    wanted = {1: content(SIZE, 12), 2: content(SIZE, 20), 3: content(7, 30)}
    try:
        there = {part.part_number: part for part in await multipart.parts(KEY, upload.id)}
    except NotFound:  # it was completed
        await multipart.complete(KEY, upload.id, upload.parts)
        assert await read_all(storage, KEY) == b"".join(wanted.values())
        return
    for number, whole in wanted.items():
        if number not in there:
            there[number] = await send(multipart, upload.id, number, whole)
    assert there.get(4, PartInfo(4, SIZE, "")).size == SIZE
    await multipart.complete(KEY, upload.id, [there[number] for number in wanted])
    got = await read_all(storage, KEY)
    assert got[:SIZE] in [content(SIZE, seed) for seed in (10, 11, 12)]
    assert got[SIZE:] == wanted[2] + wanted[3]


async def test_an_upload_that_dies_goes_on_with_whole_parts(tmp_path, power):
    for changes in itertools.count():
        root = tmp_path / str(changes)
        await opened(root).close()
        upload = Upload()
        done = await survives(root, power, changes, upload)
        storage = opened(root)
        if upload.id:
            await go_on(storage, upload)
            await nothing_is_left_but(root, storage, [KEY])
        await storage.close()
        if done:
            break
    assert changes > 60


async def test_an_upload_that_dies_while_it_is_completed_can_be_completed_otherwise(
    tmp_path, power
):
    """The part that was not named the first time is recorded and whole, or not recorded."""
    for changes in itertools.count():
        root = tmp_path / str(changes)
        storage = opened(root)
        multipart = storage.multipart
        upload = await multipart.create(KEY, content_type=TYPE, part_size=SIZE)
        parts = [await send(multipart, upload, n, content(SIZE, n)) for n in (1, 2, 3)]

        async def complete(storage, upload=upload, parts=parts):
            await storage.multipart.complete(KEY, upload, parts[:1])

        done = await survives(root, power, changes, complete)
        try:
            there = await multipart.parts(KEY, upload)
        except NotFound:
            assert await read_all(storage, KEY) == content(SIZE, 1)
        else:
            contiguous = [part for n, part in enumerate(there, 1) if part.part_number == n]
            await multipart.complete(KEY, upload, contiguous)
            expected = [content(SIZE, part.part_number) for part in contiguous]
            assert await read_all(storage, KEY) == b"".join(expected)
        await storage.close()
        if done:
            break
    assert changes > 8


async def test_an_abort_that_dies_can_be_made_again(tmp_path, power):
    for changes in itertools.count():
        root = tmp_path / str(changes)
        storage = opened(root)
        upload = await storage.multipart.create(KEY, content_type=TYPE, part_size=SIZE)
        await send(storage.multipart, upload, 1, content(SIZE))

        async def abort(storage, upload=upload):
            await storage.multipart.abort(KEY, upload)

        done = await survives(root, power, changes, abort)
        await storage.multipart.abort(KEY, upload)
        with pytest.raises(NotFound):
            await storage.multipart.parts(KEY, upload)
        await nothing_is_left_but(root, storage, [])
        await storage.close()
        if done:
            break


CHILD = """
import asyncio, sys
from pathlib import Path
from cimaise.storage import bodies
from cimaise.storage.filesystem import FilesystemStorage
from cimaise.storage.filesystem.multipart import FilesystemMultipart
from tests.kit.bodies import Stalled, chunked, content

bodies.HOP_BYTES = 1

async def main(root):
    storage = FilesystemStorage(root, urls=None, random=iter(f"{n:032}" for n in range(99)).__next__)
    multipart = storage.multipart
    upload = await multipart.create("incoming/killed", content_type="x/y", part_size=1000)
    part = await multipart.write("incoming/killed", upload, 1, chunked(content(1000, 1)), size=1000)
    bodies_in_flight = [Stalled(content(500, seed)) for seed in (2, 3, 4)]
    calls = [
        multipart.write("incoming/killed", upload, 2, bodies_in_flight[0], size=1000),
        multipart.write("incoming/killed", upload, 1, bodies_in_flight[1], size=1000),
        storage.write("incoming/other", bodies_in_flight[2], content_type="x/y"),
    ]
    tasks = [asyncio.ensure_future(call) for call in calls]
    for body in bodies_in_flight:
        await body.waits.wait()
    print(upload, part.etag, flush=True)
    await asyncio.gather(*tasks)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def killed(tmp_path: Path) -> list[str]:
    """What a process said of its upload before it was killed in the middle of three writes."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "storage")],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    said = child.stdout.readline().split()
    child.kill()
    child.communicate()
    return said


async def test_a_killed_process_leaves_its_whole_parts_to_the_next(tmp_path, killed):
    root = tmp_path / "storage"
    upload, etag = killed
    storage = opened(root)
    multipart = storage.multipart
    assert await multipart.parts("incoming/killed", upload) == [PartInfo(1, 1000, etag)]
    two = await multipart.write("incoming/killed", upload, 2, chunked(content(1000, 9)), size=1000)
    parts = await multipart.parts("incoming/killed", upload)
    assert parts[1] == two
    await multipart.complete("incoming/killed", upload, parts)
    assert await read_all(storage, "incoming/killed") == content(1000, 1) + content(1000, 9)
    await nothing_is_left_but(root, storage, ["incoming/killed"])
    await storage.close()
