import asyncio
import threading
from datetime import UTC, datetime

from sqlalchemy import select

from cimaise.access.policy import GUEST
from cimaise.albums.catalogue import Catalogue
from cimaise.albums.model import ScanReport, Sort, Wanted
from cimaise.albums.sources.folder.index import FolderIndex
from cimaise.albums.sources.folder.tree import FolderFile
from cimaise.database.schema import folder_pictures
from tests.kit.albums import Header, names, put


async def kept(database) -> set[tuple[str, str, int | None]]:
    columns = folder_pictures.c
    rows = await database.read(
        lambda connection: connection.execute(
            select(columns.album, columns.name, columns.width)
        ).all()
    )
    return {tuple(row) for row in rows}


async def test_unchanged_files_are_never_read_again_not_even_after_a_restart(
    new_folders, root, reader
):
    for number in range(30):
        put(root, f"a/{number:02}.jpg", "nonsense" if number == 7 else "8x8")
        put(root, f"a/{number:02}-thumb.jpg", "5x5")
    for _ in range(2):
        folders = new_folders()
        for page in (1, 2, 1):
            for sort in Sort:
                await folders.open_album(GUEST, "a", Wanted(page=page, limit=20, sort=sort))
        await folders.settled()
        await folders.list_albums(GUEST)
        await folders.scan()
    assert len(reader.reads) == 60
    assert set(reader.reads.values()) == {1}


async def test_at_once_only_the_page_is_read_and_the_rest_in_the_background(folders, root, reader):
    for number in range(30):
        put(root, f"a/{number:02}.jpg")
    await folders.open_album(GUEST, "a", Wanted(limit=5, sort=Sort.NAME))
    assert sorted(reader.reads) == [f"a/{number:02}.jpg" for number in range(5)]
    await folders.settled()
    assert len(reader.reads) == 30


async def test_a_changed_file_is_read_again(folders, root, reader):
    put(root, "a/1.jpg", "100x50")
    await folders.open_album(GUEST, "a", Wanted())
    await folders.settled()  # what looks at the rest of the album would see it change
    put(root, "a/1.jpg", "4000x3000")
    (picture,) = (await folders.open_album(GUEST, "a", Wanted())).pictures
    assert (picture.width, picture.height) == (4000, 3000)
    assert reader.reads == {"a/1.jpg": 2}


async def test_what_is_no_picture_leaves_the_count_and_comes_back_when_mended(
    folders, root, reader
):
    put(root, "a/1.jpg", "nonsense")
    put(root, "a/2.jpg")
    page = await folders.open_album(GUEST, "a", Wanted(limit=1))
    assert (names(page), page.pagination.total) == (["2.jpg"], 1)
    assert [album.count for album in await folders.list_albums(GUEST)] == [1]
    put(root, "a/1.jpg", "8x8")
    page = await folders.open_album(GUEST, "a", Wanted())
    assert (names(page), page.pagination.total) == (["1.jpg", "2.jpg"], 2)


async def test_a_file_that_cannot_be_read_now_is_left_out_and_tried_again(folders, root, reader):
    put(root, "a/1.jpg")
    for fault in (PermissionError(13, "no"), RuntimeError("a decoder died")):
        reader.fault = fault
        assert names(await folders.open_album(GUEST, "a", Wanted())) == []
    reader.fault = None
    assert names(await folders.open_album(GUEST, "a", Wanted())) == ["1.jpg"]


async def test_what_somebody_else_could_not_read_is_tried_again(database, root):
    begun, gate, reads = threading.Event(), threading.Event(), []

    def fails_once(path):
        reads.append(path.name)
        if len(reads) > 1:
            return Header(8, 8)
        begun.set()
        gate.wait(10)
        raise PermissionError(13, "no")

    index = FolderIndex(database, fails_once)
    file = FolderFile(put(root, "a/1.jpg").name, 1, 1)
    first = asyncio.create_task(index.facts("a", root / "a", [file]))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.create_task(index.facts("a", root / "a", [file]))
    await asyncio.sleep(0)  # now it asks, too
    gate.set()
    assert await first == {}
    assert (await second)["1.jpg"].width == 8
    assert reads == ["1.jpg", "1.jpg"]
    index.close()


async def test_a_time_without_a_zone_is_taken_for_utc(folders, root):
    put(root, "a/1.jpg", "8x8 2024-05-06T07:08:09")
    (picture,) = (await folders.open_album(GUEST, "a", Wanted())).pictures
    assert picture.taken_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


async def test_a_scan_knows_all_and_forgets_what_is_gone(folders, root, database, reader):
    put(root, "a/1.jpg")
    put(root, "a/1-thumb.jpg")
    put(root, "a/2.jpg", "nonsense")
    put(root, "b/c/3.jpg")
    put(root, "b/c/album.toml", 'visibility = "private"')
    catalogue = Catalogue([folders])
    assert await catalogue.scan() == ScanReport(2, 2, 4, 1, 0)
    assert await catalogue.scan() == ScanReport(2, 2, 0, 1, 0)
    assert await kept(database) == {
        ("a", "1.jpg", 2048), ("a", "1-thumb.jpg", 2048), ("a", "2.jpg", None),
        ("b~c", "3.jpg", 2048),
    }  # fmt: skip
    (root / "a" / "1-thumb.jpg").unlink()
    (root / "b" / "c" / "3.jpg").unlink()
    (root / "b" / "c" / "album.toml").unlink()
    (root / "b" / "c").rmdir()
    assert await catalogue.scan() == ScanReport(2, 1, 0, 1, 2)
    assert await kept(database) == {("a", "1.jpg", 2048), ("a", "2.jpg", None)}


async def test_albums_that_are_away_are_not_forgotten(folders, root, database):
    put(root, "a/1.jpg")
    await folders.scan()
    root.rename(root.with_name("unmounted"))
    assert await folders.scan() == ScanReport()
    assert await kept(database) == {("a", "1.jpg", 2048)}


async def test_many_files_are_kept_and_forgotten_in_few_statements(folders, root, database, reader):
    for number in range(700):
        put(root, f"a/{number:03}.jpg", "8x8")
    assert (await folders.scan()).measured == 700
    page = await folders.open_album(GUEST, "a", Wanted(sort=Sort.TAKEN, page=7, limit=100))
    assert (len(page.pictures), page.pagination.total) == (100, 700)
    for number in range(1, 700):
        (root / "a" / f"{number:03}.jpg").unlink()
    assert (await folders.scan()).forgotten == 699
    assert set(reader.reads.values()) == {1}


async def test_what_is_asked_for_several_times_at_once_is_read_once(database, root, reader):
    index = FolderIndex(database, reader)
    file = FolderFile(put(root, "a/1.jpg").name, 1, 1)
    assert (await index.facts("a", root / "a", [file] * 5))["1.jpg"].width == 2048
    index.close()
    assert reader.reads == {"a/1.jpg": 1}


async def test_who_goes_away_takes_nothing_from_the_others(database, root):
    begun, gate = threading.Event(), threading.Event()

    def slow(_path):
        begun.set()
        gate.wait(10)
        return Header(8, 8)

    index = FolderIndex(database, slow, threads=1)
    file = FolderFile(put(root, "a/1.jpg").name, 1, 1)
    leaving = asyncio.create_task(index.facts("a", root / "a", [file]))
    staying = asyncio.create_task(index.facts("a", root / "a", [file]))
    await asyncio.to_thread(begun.wait, 10)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    gate.set()
    assert (await staying)["1.jpg"].width == 8
    index.close()


async def test_no_more_headers_are_read_at_a_time_than_there_are_threads(database, root):
    lock, running, most = threading.Lock(), 0, 0

    def counted(path):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        content = path.read_text()
        with lock:
            running -= 1
        return Header(len(content), 1)

    index = FolderIndex(database, counted, threads=2)
    files = [FolderFile(put(root, f"a/{n}.jpg").name, 1, 1) for n in range(40)]
    await index.facts("a", root / "a", files)
    index.close()
    assert 1 <= most <= 2
