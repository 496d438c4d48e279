"""What only a storage on disk can be asked: where files lie, what is left, what hostile ones do."""

import asyncio
import os
import shutil
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cimaise.errors import BrokenTransfer, Invalid, NotFound, Unavailable
from cimaise.storage.filesystem import FilesystemStorage
from tests.kit.bodies import Stalled, broken_off, chunked, content, read_all

KEY = "objects/ab/cd/first-object"
TYPE = "image/png"


async def put(storage: FilesystemStorage, key: str, whole: bytes):
    return await storage.write(key, chunked(whole), content_type=TYPE)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_an_object_is_a_file_at_its_key(storage, root):
    await put(storage, KEY, b"bytes")
    assert (root / KEY).read_bytes() == b"bytes"
    assert files(root) == [KEY]


async def test_nobody_else_may_write_an_object_or_look_into_its_folder(storage, root):
    await put(storage, KEY, b"bytes")
    assert (root / KEY).stat().st_mode & 0o137 == 0
    assert (root / KEY).parent.stat().st_mode & 0o027 == 0


async def test_a_write_is_in_a_temporary_file_until_it_is_whole(storage, root):
    body = Stalled(content(2_000_000))
    work = asyncio.create_task(storage.write(KEY, body, content_type=TYPE))
    await body.waits.wait()
    (temporary,) = files(root)
    assert temporary.startswith("tmp/")
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert files(root) == []


async def test_no_temporary_file_stays_after_an_error(storage, root):
    with pytest.raises(OSError, match="from the client"):
        await storage.write(
            KEY, broken_off(content(2_000_000), OSError("from the client")), content_type=TYPE
        )
    with pytest.raises(Invalid):
        await storage.write(KEY, chunked(b"xy"), content_type=TYPE, size=1)
    assert files(root) == []


async def test_bytes_are_durable_before_their_name_and_the_name_before_the_answer(
    storage, root, monkeypatch
):
    await put(storage, KEY, b"makes the folders")
    calls = []

    def watched(name):
        real = getattr(os, name)

        def call(*arguments, **more):
            kind = ""
            if name == "fsync":
                kind = " folder" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else " file"
            calls.append(name + kind)
            return real(*arguments, **more)

        monkeypatch.setattr(os, name, call)

    for name in ("pwritev", "fsync", "rename"):
        watched(name)
    await put(storage, KEY, b"bytes")
    assert calls == ["pwritev", "fsync file", "rename", "fsync folder"]


async def test_little_writes_are_gathered_into_few_hops(storage, monkeypatch):
    written = []
    real = os.pwritev

    def watched(descriptor, pieces, offset):
        done = real(descriptor, pieces, offset)
        written.append(done)
        return done

    monkeypatch.setattr(os, "pwritev", watched)
    await storage.write(KEY, chunked(content(2_000_000), 10_000), content_type=TYPE)
    assert sum(written) == 2_000_000
    assert len(written) == 4
    assert min(written[:-1]) >= 512 * 1024


async def test_a_write_that_the_kernel_cuts_short_is_continued(storage, monkeypatch):
    real = os.pwritev

    def short(descriptor, pieces, offset):
        return real(descriptor, [b"".join(pieces)[:70_001]], offset)

    monkeypatch.setattr(os, "pwritev", short)
    whole = content(1_000_000)
    await put(storage, KEY, whole)
    assert await read_all(storage, KEY) == whole


async def test_the_etag_is_kept_by_moving_and_by_opening_again(storage, root, names):
    info = await put(storage, KEY, b"bytes")
    moved = await storage.move(KEY, "objects/x/y/z")
    assert moved.etag == info.etag
    again = FilesystemStorage(root, urls=None, random=names)
    assert (await again.stat("objects/x/y/z")).etag == info.etag
    await again.close()


async def test_versions_of_one_length_written_at_once_have_different_etags(storage):
    etags = {(await put(storage, KEY, b"12345")).etag for _ in range(50)}
    assert len(etags) == 50


async def test_moving_works_where_the_file_system_has_no_links(storage, monkeypatch):
    info = await put(storage, KEY, b"bytes")

    def refuse(*_, **__):
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert (await storage.move(KEY, "objects/x/y/z", if_etag=info.etag)).etag == info.etag
    assert [found.key async for found in storage.list("")] == ["objects/x/y/z"]


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe", "link to folder"])
async def test_what_is_no_regular_file_is_no_object(storage, root, tmp_path, kind):
    await put(storage, "objects/ab/cd/other", b"bytes")
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    path = root / KEY
    if kind == "link":
        path.symlink_to(secret)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nothing")
    elif kind == "link to folder":
        path.symlink_to(tmp_path)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(NotFound):
        await storage.stat(KEY)
    with pytest.raises(NotFound):
        await read_all(storage, KEY)
    with pytest.raises(NotFound):
        await storage.move(KEY, "objects/x/y/z")
    assert [found.key async for found in storage.list("")] == ["objects/ab/cd/other"]


async def test_what_is_not_ours_below_the_root_is_not_listed(storage, root):
    await put(storage, KEY, b"bytes")
    for name in ("lost+found", "objects/ab/.hidden", "objects/with space"):
        (root / name).mkdir()
        (root / name / "file").write_bytes(b"x")
    (root / "objects" / ".nfs0001").write_bytes(b"x")
    assert [found.key async for found in storage.list("")] == [KEY]


async def test_more_objects_than_a_batch_are_listed(storage, root):
    made = [f"incoming/many-{number:04}" for number in range(1203)]
    (root / "incoming").mkdir()
    for key in made:
        (root / key).write_bytes(b"")
    assert [found.key async for found in storage.list("incoming/")] == made
    after = [found.key async for found in storage.list("incoming/", after=made[600])]
    assert after == made[601:]
    await storage.delete(made)
    assert [found.key async for found in storage.list("")] == []


@pytest.mark.parametrize("length", [300_000, 3_000_000])
async def test_a_file_that_shrinks_while_it_is_read_breaks_the_transfer(storage, root, length):
    await put(storage, KEY, content(length))
    got = 0
    with pytest.raises(BrokenTransfer):
        async with storage.open(KEY) as reading:
            os.truncate(root / KEY, length // 3)
            async for chunk in reading.chunks:
                got += len(chunk)
    assert got < length


async def test_a_disk_that_fails_while_it_is_read_breaks_the_transfer(storage, monkeypatch):
    await put(storage, KEY, content(1_000_000))

    def fail(*_):
        raise OSError(5, "input/output error")

    with pytest.raises(BrokenTransfer):
        async with storage.open(KEY) as reading:
            monkeypatch.setattr(os, "pread", fail)
            await anext(reading.chunks)


async def test_a_short_object_is_read_in_the_hop_that_opens_it(storage, monkeypatch):
    await put(storage, KEY, content(256 * 1024))
    async with storage.open(KEY) as reading:
        monkeypatch.delattr(os, "pread")
        assert await anext(reading.chunks) == content(256 * 1024)


async def test_the_descriptor_is_closed_with_the_context(storage):
    await put(storage, KEY, b"bytes")
    async with storage.open(KEY) as reading:
        assert os.fstat(reading.descriptor).st_size == 5
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading.descriptor)


async def test_no_descriptor_stays_open(storage):
    await put(storage, KEY, content(1_000_000))
    before = open_descriptors()
    multipart = storage.multipart
    upload = await multipart.create(KEY, content_type=TYPE, part_size=10)
    await multipart.write(KEY, upload, 1, chunked(b"0123456789"), size=10)
    part = await multipart.write(KEY, upload, 1, chunked(b"9876543210"), size=10)
    with pytest.raises(Invalid):
        await multipart.write(KEY, upload, 2, chunked(b"0123"), size=10)
    with pytest.raises(Invalid):
        await multipart.write(KEY, upload, 2, chunked(b"0" * 11), size=11)
    with pytest.raises(NotFound):
        await multipart.write(KEY, upload[::-1], 2, chunked(b"0123"), size=10)
    with pytest.raises(Invalid):
        await storage.write(KEY, chunked(b"12"), content_type=TYPE, size=1)
    for _ in range(3):
        async with storage.open(KEY) as reading:
            await anext(reading.chunks)
    await multipart.complete(KEY, upload, [part])
    assert open_descriptors() == before


@pytest.mark.parametrize(
    "fault",
    [PermissionError(13, "denied"), OSError(5, "input/output error"), OSError(28, "no space left")],
)
async def test_a_disk_that_refuses_is_unavailable_and_never_not_found(storage, monkeypatch, fault):
    await put(storage, KEY, b"bytes")

    def refuse(*_, **__):
        raise fault

    for name in ("open", "lstat", "unlink", "scandir"):
        monkeypatch.setattr(os, name, refuse)
    with pytest.raises(Unavailable):
        await storage.stat(KEY)
    with pytest.raises(Unavailable):
        await read_all(storage, KEY)
    with pytest.raises(Unavailable):
        await put(storage, KEY, b"x")
    with pytest.raises(Unavailable):
        await storage.delete([KEY])
    with pytest.raises(Unavailable):
        [found async for found in storage.list("")]
    with pytest.raises(Unavailable):
        await storage.check()


async def test_a_root_that_was_taken_away_is_unavailable_and_never_not_found(storage, root):
    await put(storage, KEY, b"bytes")
    upload = await storage.multipart.create(KEY, content_type=TYPE, part_size=10)
    shutil.move(root, root.with_name("elsewhere"))
    with pytest.raises(Unavailable):
        await storage.stat(KEY)
    with pytest.raises(Unavailable):
        await read_all(storage, KEY)
    with pytest.raises(Unavailable):
        await put(storage, KEY, b"x")
    with pytest.raises(Unavailable):
        await storage.move(KEY, "objects/x/y/z")
    with pytest.raises(Unavailable):
        await storage.delete([KEY])
    with pytest.raises(Unavailable):
        [found async for found in storage.list("")]
    with pytest.raises(Unavailable):
        await storage.check()
    with pytest.raises(Unavailable):
        await storage.multipart.parts(KEY, upload)
    with pytest.raises(Unavailable):
        await storage.multipart.abort(KEY, upload)


async def test_sweeping_removes_old_temporary_files_and_nothing_else(storage, root):
    await put(storage, KEY, b"bytes")
    upload = await storage.multipart.create(KEY, content_type=TYPE, part_size=10)
    now = datetime.now(UTC)
    old = (now - timedelta(hours=3)).timestamp()
    (root / "tmp" / "young").write_bytes(b"x")
    (root / "tmp" / "old").write_bytes(b"x")
    (root / "tmp" / "folder").mkdir()
    (root / "tmp" / "folder" / "file").write_bytes(b"x")
    for path in (
        root / "tmp" / "old",
        root / "tmp" / "folder",
        root / KEY,
        root / "multipart" / upload,
    ):
        os.utime(path, (old, old))
    assert await storage.sweeper.sweep_temporary(now - timedelta(hours=1)) == 2
    assert [path.name for path in (root / "tmp").iterdir()] == ["young"]
    assert await storage.multipart.parts(KEY, upload) == []
    assert await read_all(storage, KEY) == b"bytes"


async def test_a_cancelled_call_waits_for_its_thread(storage, monkeypatch):
    await put(storage, KEY, b"bytes")
    entered, leave, left = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()
    real = os.lstat

    def slow(path):
        loop.call_soon_threadsafe(entered.set)
        leave.wait(10)
        left.append(path)
        return real(path)

    monkeypatch.setattr(os, "lstat", slow)
    work = asyncio.create_task(storage.stat(KEY))
    await entered.wait()
    work.cancel()
    loop.call_later(0.02, work.cancel)
    loop.call_later(0.05, leave.set)
    with pytest.raises(asyncio.CancelledError):
        await work
    assert left
