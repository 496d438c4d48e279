"""What a scan of folder albums looks at, and what it takes as known."""

import gc
import os
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cimaise.access.policy import GUEST
from cimaise.albums.model import ScanReport, Wanted
from cimaise.albums.sources.folder.index import FolderIndex
from cimaise.albums.sources.folder.source import FolderSource
from cimaise.albums.sources.folder.tree import FolderContent
from cimaise.database.engine import Database
from cimaise.state.local import LocalState
from tests.kit.albums import MARCH_9, CountingReader, put

Scanner = Callable[[], FolderSource]


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = MARCH_9

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def restarted(
    root: Path, database: Database, reader: CountingReader, clock: Clock
) -> AsyncIterator[Scanner]:
    """A source with nothing in memory, as after a start of the server."""
    made: list[FolderSource] = []

    def make() -> FolderSource:
        made.append(FolderSource(root, FolderIndex(database, reader), clock=clock))
        return made[-1]

    yield make
    for source in made:
        await source.close()


def write_in_place(path: Path, content: str) -> None:
    """Another content and time of change, the same name: the folder's own time stays."""
    put(path.parents[1], f"{path.parent.name}/{path.name}", content, at=MARCH_9 + timedelta(days=1))


def age(folder: Path, number: int = 0) -> None:
    """The folder was last changed long ago, at a time of its own for each ``number``."""
    os.utime(folder, ns=(0, (1_000_000 + number) * 10**9))


@pytest.fixture
def album(root: Path) -> Path:
    """An album of two pictures that nobody has touched for long, in a folder of another."""
    put(root, "outer/album/1.jpg", "8x8")
    put(root, "outer/album/2.jpg", "nonsense")
    age(root / "outer" / "album")
    age(root / "outer")
    return root / "outer" / "album"


async def test_a_folder_whose_time_has_not_changed_is_passed_over(restarted, album, reader):
    assert await restarted().scan() == ScanReport(1, 1, 2, 1, 0)
    write_in_place(album / "1.jpg", "9x9")
    assert await restarted().scan() == ScanReport(1, 1, 0, 1, 0)
    assert reader.reads["album/1.jpg"] == 1


async def test_what_was_written_in_place_is_shown_as_it_is_whatever_a_scan_has_passed_over(
    restarted, album, reader
):
    await restarted().scan()
    write_in_place(album / "1.jpg", "9x9")
    source = restarted()
    await source.scan()
    (picture,) = (await source.open_album(GUEST, "outer~album", Wanted())).pictures
    assert (picture.width, picture.height) == (9, 9)


async def test_every_file_is_looked_at_where_that_is_asked_for_or_a_day_has_gone(
    restarted, album, clock
):
    await restarted().scan()
    write_in_place(album / "1.jpg", "9x9")
    assert (await restarted().scan(every_file=True)).measured == 1
    write_in_place(album / "2.jpg", "7x7")
    clock.now += timedelta(hours=23)
    assert (await restarted().scan()).measured == 0
    clock.now += timedelta(hours=2)
    assert await restarted().scan() == ScanReport(1, 2, 1, 0, 0)


async def test_a_look_that_found_nothing_new_counts_for_another_day(restarted, album, clock):
    await restarted().scan()
    clock.now += timedelta(hours=25)
    assert (await restarted().scan()).measured == 0
    write_in_place(album / "1.jpg", "9x9")
    clock.now += timedelta(hours=23)
    assert (await restarted().scan()).measured == 0


async def test_a_name_that_came_went_or_became_another_is_seen(restarted, album):
    await restarted().scan()
    put(album.parents[1], "outer/album/3.jpg", "5x5")
    assert await restarted().scan() == ScanReport(1, 2, 1, 1, 0)
    (album / "3.jpg").rename(album / "4.jpg")
    age(album, 1)
    assert await restarted().scan() == ScanReport(1, 2, 1, 1, 1)
    (album / "4.jpg").unlink()
    age(album, 2)
    assert await restarted().scan() == ScanReport(1, 1, 0, 1, 1)


async def test_a_folder_that_changed_a_moment_ago_is_looked_at_again(restarted, root):
    put(root, "new/1.jpg", "8x8")
    await restarted().scan()
    write_in_place(root / "new" / "1.jpg", "9x9")
    assert (await restarted().scan()).measured == 1


async def test_folders_in_a_folder_that_is_passed_over_are_scanned(restarted, album):
    put(album, "inner/1.jpg", "8x8")
    age(album)
    assert await restarted().scan() == ScanReport(2, 2, 3, 1, 0)
    put(album, "inner/2.jpg", "8x8")
    assert await restarted().scan() == ScanReport(2, 3, 1, 1, 0)


async def test_albums_without_a_description_are_summed_up_once(restarted, album):
    source = restarted()
    (first,) = await source.list_albums(GUEST)
    (second,) = await source.list_albums(GUEST)
    assert second is first


async def test_of_a_listed_album_its_files_are_not_kept(root: Path, restarted: Scanner):
    put(root, "a/1.jpg")
    source = restarted()
    (album,) = await source.list_albums(GUEST)
    assert album.name == "a"
    source._albums.contents._kept.clear()
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, FolderContent)]
    assert [album] == await source.list_albums(GUEST)


async def test_an_album_that_is_gone_is_forgotten(root: Path, restarted: Scanner):
    put(root, "a/1.jpg")
    put(root, "a/album.toml", 'title = "A"')
    source = restarted()
    await source.list_albums(GUEST)
    await source.scan()
    known: list[dict[str, Any]] = [source._covers, source._fresh, source._albums._said]
    assert [list(one) for one in known] == [["a"]] * 3
    shutil.rmtree(root / "a")
    await source._look_again("a")
    assert known == [{}, {}, {}]


async def test_a_scan_that_fails_keeps_no_other_process_from_its_own(
    root: Path, tmp_path: Path, database: Database, reader: CountingReader
):
    state = LocalState(tmp_path / "state")
    index = FolderIndex(database, reader)
    source = FolderSource(root, index, state=state)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(index, "stamps", refused)
        await source._scan_quietly()
    assert await state.take_lease("folder-scan", ttl_s=1) is not None
    await source.close()
    await state.close()


async def refused() -> None:
    raise RuntimeError("a fault")
