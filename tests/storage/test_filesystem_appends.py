"""Writing from beginning to end on disk: nothing is lost, and only the latest comer writes."""

import os
from pathlib import Path

import pytest

from cimaise.errors import NotFound, WrongState
from cimaise.storage.filesystem import FilesystemStorage
from cimaise.storage.filesystem.appending import FilesystemAppends
from tests.kit.bodies import content, read_all

KEY = "objects/appended"


@pytest.fixture
def appends(storage: FilesystemStorage) -> FilesystemAppends:
    return storage.appends


@pytest.fixture
async def upload(storage: FilesystemStorage) -> str:
    return await storage.multipart.create(KEY, content_type="image/png", part_size=1000)


def length_of(root: Path, upload: str) -> int:
    return (root / "multipart" / upload / "data").stat().st_size


async def test_what_is_appended_in_turns_becomes_the_object_without_a_copy(
    storage, appends, upload, root
):
    whole = content(5000)
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [whole[:1000], whole[1000:1500]], start=0)
    assert await appends.keep(KEY, upload, hold) == 1500
    again = await appends.take(KEY, upload)
    assert again.size == 1500
    await appends.append(KEY, upload, again, [whole[1500:]], start=1500)
    inode = (root / "multipart" / upload / "data").stat().st_ino
    info = await appends.finish(KEY, upload, size=5000)
    assert (root / KEY).stat().st_ino == inode
    assert await storage.stat(KEY) == info
    assert await read_all(storage, KEY) == whole
    assert not any((root / "multipart").iterdir())


async def test_bytes_count_as_soon_as_they_are_written(appends, upload):
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [b"not kept, not synced"], start=0)
    assert (await appends.take(KEY, upload)).size == 20


async def test_first_bytes_are_read_back_as_far_as_they_are_there(storage, appends, upload):
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [b"12345"], start=0)
    assert await appends.head(KEY, upload, size=3) == b"123"
    assert await appends.head(KEY, upload, size=9) == b"12345"
    await storage.multipart.abort(KEY, upload)
    with pytest.raises(NotFound):
        await appends.head(KEY, upload, size=3)


async def test_whoever_was_taken_over_writes_nothing_any_more(appends, upload, root):
    older = await appends.take(KEY, upload)
    newer = await appends.take(KEY, upload)
    assert newer.owner > older.owner
    for refused in (
        appends.append(KEY, upload, older, [b"late"], start=0),
        appends.keep(KEY, upload, older),
        appends.cut(KEY, upload, older, size=0),
    ):
        with pytest.raises(WrongState) as refusal:
            await refused
        assert refusal.value.code == "taken_over"
    assert length_of(root, upload) == 0
    await appends.append(KEY, upload, newer, [b"mine"], start=0)
    assert length_of(root, upload) == 4


async def test_nothing_is_written_anywhere_but_at_the_end(appends, upload, root):
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [b"12345"], start=0)
    for start in (0, 4, 6):
        with pytest.raises(WrongState):
            await appends.append(KEY, upload, hold, [b"x"], start=start)
    assert length_of(root, upload) == 5


async def test_what_is_on_trial_counts_only_after_it_was_kept(appends, upload):
    first = await appends.take(KEY, upload)
    await appends.append(KEY, upload, first, [b"good"], start=0)
    trial = await appends.take(KEY, upload, on_trial=True)
    await appends.append(KEY, upload, trial, [b"doubtful"], start=4)
    again = await appends.take(KEY, upload, on_trial=True)
    assert again.size == 4
    await appends.append(KEY, upload, again, [b"verified"], start=4)
    assert await appends.keep(KEY, upload, again) == 12
    assert (await appends.take(KEY, upload)).size == 12


async def test_an_upload_on_trial_is_not_finished(appends, upload):
    trial = await appends.take(KEY, upload, on_trial=True)
    await appends.append(KEY, upload, trial, [b"doubtful"], start=0)
    with pytest.raises(WrongState) as refusal:
        await appends.finish(KEY, upload, size=8)
    assert refusal.value.code == "part_mismatch"


async def test_cutting_goes_back_to_a_length(appends, upload):
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [b"0123456789"], start=0)
    await appends.cut(KEY, upload, hold, size=4)
    await appends.append(KEY, upload, hold, [b"x"], start=4)
    assert await appends.keep(KEY, upload, hold) == 5


async def test_finishing_again_gives_the_same_object(appends, upload):
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [b"whole"], start=0)
    first = await appends.finish(KEY, upload, size=5)
    assert await appends.finish(KEY, upload, size=5) == first
    with pytest.raises(NotFound):
        await appends.finish(KEY, upload, size=6)


async def test_a_process_that_died_between_rename_and_removal_is_finished_by_the_next(
    appends, upload, root
):
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [b"whole"], start=0)
    (root / KEY).parent.mkdir(parents=True)
    (root / "multipart" / upload / "data").rename(root / KEY)
    assert (await appends.finish(KEY, upload, size=5)).size == 5
    assert not any((root / "multipart").iterdir())


async def test_another_length_is_refused_and_changes_nothing(appends, upload, root):
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [b"short"], start=0)
    with pytest.raises(WrongState) as refusal:
        await appends.finish(KEY, upload, size=6)
    assert refusal.value.code == "part_mismatch"
    await appends.append(KEY, upload, hold, [b"!"], start=5)
    assert (await appends.finish(KEY, upload, size=6)).size == 6


async def test_a_finished_or_aborted_upload_takes_nothing(storage, appends, upload):
    hold = await appends.take(KEY, upload)
    await storage.multipart.abort(KEY, upload)
    for refused in (
        appends.take(KEY, upload),
        appends.append(KEY, upload, hold, [b"late"], start=0),
        appends.keep(KEY, upload, hold),
        appends.finish(KEY, upload, size=0),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_an_upload_of_another_key_is_not_found(appends, upload):
    with pytest.raises(NotFound):
        await appends.take("objects/another", upload)


async def test_thousands_of_tiny_pieces_are_one_write(appends, upload, root):
    hold = await appends.take(KEY, upload)
    await appends.append(KEY, upload, hold, [bytes([n % 251]) for n in range(5000)], start=0)
    data = (root / "multipart" / upload / "data").read_bytes()
    assert data == bytes(n % 251 for n in range(5000))


async def test_a_full_disk_leaves_what_fitted(appends, upload, monkeypatch):
    hold = await appends.take(KEY, upload)
    write = os.pwritev
    calls: list[int] = []

    def full_after_one(descriptor, pieces, offset):
        if calls:
            raise OSError(28, "No space left on device")
        calls.append(offset)
        return write(descriptor, [bytes(pieces[0])[:3]], offset)

    monkeypatch.setattr(os, "pwritev", full_after_one)
    with pytest.raises(Exception, match="cannot be read or written"):
        await appends.append(KEY, upload, hold, [b"12345"], start=0)
    monkeypatch.undo()
    assert await appends.keep(KEY, upload, hold) == 3
