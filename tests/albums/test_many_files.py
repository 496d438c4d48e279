"""Folders of so many files that only some of them are held or asked for at a time."""

import os
from datetime import timedelta
from hashlib import blake2b

from cimaise.access.policy import GUEST
from cimaise.albums.model import Sort, Wanted
from cimaise.albums.sources.folder import index_rows
from cimaise.albums.sources.folder.index import FolderIndex
from cimaise.albums.sources.folder.source import FolderSource
from cimaise.albums.sources.folder.tree import read_folder
from tests.kit.albums import MARCH_9, names, put

MANY = 1100
SOME = 1000


def fill(root, count: int = MANY) -> None:
    """The camera took the last one first."""
    for number in range(count):
        taken = MARCH_9 - timedelta(minutes=number)
        put(root, f"a/{number:04}.jpg", f"8x8 {taken:%Y-%m-%dT%H:%M:%S}")


def asked(monkeypatch) -> list[int]:
    """How many files' rows were asked for, time by time."""
    found: list[int] = []
    whole = index_rows.known

    def known(connection, album, wanted):
        found.append(len(wanted))
        return whole(connection, album, wanted)

    monkeypatch.setattr(index_rows, "known", known)
    return found


async def test_a_scan_holds_the_facts_of_a_thousand_files_at_most(folders, root, monkeypatch):
    fill(root)
    put(root, "a/0003.jpg", "nonsense")
    found = asked(monkeypatch)
    report = await folders.scan()
    assert (report.pictures, report.measured, report.unreadable) == (MANY - 1, MANY, 1)
    assert (sum(found), max(found)) == (MANY, SOME)


async def test_an_order_by_date_taken_asks_for_a_thousand_files_at_a_time(
    new_folders, root, monkeypatch
):
    fill(root)
    put(root, "a/1050.jpg", "nonsense")
    await new_folders().scan()
    found, again = asked(monkeypatch), new_folders()
    wanted = Wanted(sort=Sort.TAKEN, page=11, limit=100)
    page = await again.open_album(GUEST, "a", wanted)
    expected = [f"{number:04}.jpg" for number in range(MANY) if number != 1050]
    assert names(page) == expected[1000:]
    assert page.pagination.total == MANY - 1
    assert max(found) == SOME
    found.clear()
    await again.open_album(GUEST, "a", wanted)
    assert sum(found) == 99  # the order is kept; only the page is asked for


async def test_the_cursor_of_that_order_leads_on_across_the_thousand(folders, root):
    fill(root, 1050)
    page = await folders.open_album(GUEST, "a", Wanted(sort=Sort.TAKEN, page=10, limit=100))
    assert page.pagination.next is not None
    after = await folders.open_album(GUEST, "a", Wanted(limit=100, after=page.pagination.next))
    assert names(page)[-1] == "0999.jpg"
    assert names(after) == [f"{number:04}.jpg" for number in range(1000, 1050)]
    assert after.pagination.next is None


def test_the_stamp_of_a_folder_is_the_digest_of_all_its_files_however_many(root):
    fill(root, 1001)
    descriptor = os.open(root / "a", os.O_RDONLY)
    try:
        content = read_folder(descriptor)
    finally:
        os.close(descriptor)
    told = "/".join(f"{file.name}/{file.mtime_ns}/{file.size}" for file in content.files)
    assert content.stamp == blake2b(told.encode(), digest_size=16).hexdigest()


async def test_what_another_process_found_to_be_no_picture_is_out_of_the_count_at_once(
    root, database, reader
):
    fill(root, 3)
    mine, theirs = (FolderSource(root, FolderIndex(database, reader)) for _ in range(2))
    assert (await mine.open_album(GUEST, "a", Wanted())).pagination.total == 3
    await mine.settled()
    put(root, "a/0001.jpg", "nonsense", at=MARCH_9 + timedelta(hours=1))
    await theirs.scan()
    page = await mine.open_album(GUEST, "a", Wanted(limit=1, sort=Sort.NAME))
    assert (names(page), page.pagination.total) == (["0000.jpg"], 2)
    await mine.close()
    await theirs.close()
