"""What changes in folders is seen soon: told by the system, or found where it cannot tell."""

import asyncio
import errno
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from pathlib import Path

import pytest

from cimaise.access.policy import GUEST
from cimaise.albums.model import Wanted
from cimaise.albums.sources.folder.albums import FolderAlbums
from cimaise.albums.sources.folder.index import FolderIndex
from cimaise.albums.sources.folder.source import FolderSource
from cimaise.albums.sources.folder.watching import FolderWatch
from cimaise.state.table import open_state
from tests.kit.albums import CountingReader, names, put

PATIENCE_S = 20


def told(albums: FolderAlbums, **how) -> FolderWatch:
    return FolderWatch(albums.folders, albums.contents.watch, **how)


async def begun(changes: AsyncIterator[set[str]]) -> None:
    await anext(changes)  # what was there
    await anext(changes)  # the watch has begun, or cannot be had


async def until(changes: AsyncIterator[set[str]], album: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        async for changed in changes:
            if album in changed:
                return


async def until_read(reader: CountingReader, place: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not reader.reads[place]:  # noqa: ASYNC110 (a thread counts)
            await asyncio.sleep(0.01)


async def no_watch(folders: Iterable[Path]) -> AsyncGenerator[set[Path], None]:
    if folders:
        raise OSError(errno.ENOSPC, "No space left on device")
    yield set()


@pytest.mark.parametrize("how", [{}, {"watch": no_watch, "poll_s": 0.01}], ids=["told", "polled"])
async def test_a_new_file_and_a_new_folder_are_seen(root, how):
    put(root, "a/1.jpg")
    albums = FolderAlbums(root)
    async with aclosing(told(albums, **how).changes()) as changes:
        await begun(changes)
        put(root, "a/2.jpg")
        await until(changes, "a")
        put(root, "b/c/3.jpg")
        await until(changes, "b~c")
        put(root, "b/c/4.jpg")
        await until(changes, "b~c")


async def test_a_file_that_is_written_in_place_is_seen(root):
    file = put(root, "a/1.jpg")
    albums = FolderAlbums(root)
    async with aclosing(told(albums).changes()) as changes:
        await begun(changes)
        file.write_text("4000x3000")
        await until(changes, "a")


async def test_nothing_outside_is_watched_through_a_link(root):
    outside = put(root.parent, "outside/1.jpg").parent
    put(root, "a/1.jpg")
    (root / "link").symlink_to(outside)
    (root / "a" / "link").symlink_to(outside)
    assert set(FolderAlbums(root).folders()) == {"", "a"}


async def test_what_is_told_reaches_the_index_and_the_page(folders, root, reader, database):
    put(root, "a/1.jpg", "100x50")
    await folders.start()
    await folders.start()
    await until_read(reader, "a/1.jpg")
    put(root, "a/2.jpg", "200x100")
    await until_read(reader, "a/2.jpg")
    assert names(await folders.open_album(GUEST, "a", Wanted())) == ["1.jpg", "2.jpg"]


async def test_a_folder_of_albums_may_come_after_the_start(folders, root, reader):
    root.rmdir()
    await folders.start()
    put(root, "a/1.jpg", "100x50")
    await until_read(reader, "a/1.jpg")


async def test_of_processes_that_start_together_one_scans_at_a_time(
    root, database, reader, tmp_path
):
    for number in range(40):
        put(root, f"a/{number}.jpg", "8x8")
    state = open_state("local:", data_dir=tmp_path)
    sources = [FolderSource(root, FolderIndex(database, reader), state=state) for _ in range(3)]
    held = await state.take_lease("folder-scan", ttl_s=60)
    assert held is not None
    for source in sources:
        await source.start()
    await asyncio.sleep(0)
    assert not reader.reads
    await state.release_lease(held)
    await until_read(reader, "a/39.jpg")
    for source in sources:
        await source.settled()
        await source.close()
    assert set(reader.reads.values()) == {1}
    await state.close()
