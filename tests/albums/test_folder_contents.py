"""What lies in a folder is read as rarely as can be, and never wrongly kept."""

import os
import time
from contextlib import contextmanager

from cimaise.albums.sources.folder import contents as folder_contents
from cimaise.albums.sources.folder.contents import FolderContents
from cimaise.albums.sources.folder.tree import read_folder
from tests.kit.albums import MARCH_9, put

HOUR_NS = 3600 * 10**9


class Now:
    """A clock that is an hour ahead of the file system's, so that no folder is too fresh."""

    def __init__(self) -> None:
        self.ahead_ns = HOUR_NS

    def __call__(self) -> int:
        return time.time_ns() + self.ahead_ns


@contextmanager
def opened(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def counted(monkeypatch) -> list[int]:
    reads: list[int] = []
    whole = read_folder

    def read(descriptor):
        reads.append(descriptor)
        return whole(descriptor)

    monkeypatch.setattr(folder_contents, "read_folder", read)
    return reads


def test_an_unchanged_folder_is_read_once(root, monkeypatch):
    reads, contents = counted(monkeypatch), FolderContents(Now())
    put(root, "a/1.jpg")
    with opened(root / "a") as descriptor:
        first = contents.of("a", descriptor)
        assert contents.of("a", descriptor) is first
        assert len(reads) == 1
        assert contents.of("a", descriptor, fresh=True) is first
        put(root, "a/2.jpg")
        assert len(contents.of("a", descriptor).files) == 2
    assert len(reads) == 3


def test_a_folder_that_changed_this_very_moment_is_read_again(root, monkeypatch):
    reads, contents = counted(monkeypatch), FolderContents(time.time_ns)
    put(root, "a/1.jpg")
    with opened(root / "a") as descriptor:
        contents.of("a", descriptor)
        contents.of("a", descriptor)
    assert len(reads) == 2


def test_without_a_watch_a_file_written_in_place_is_seen_after_ten_seconds(root):
    now = Now()
    contents = FolderContents(now)
    put(root, "a/1.jpg", "8x8")
    with opened(root / "a") as descriptor:
        contents.of("a", descriptor)
        (root / "a" / "1.jpg").write_text("4000x3000")
        now.ahead_ns += 11 * 10**9
        assert contents.of("a", descriptor).files[0].size == 9


def test_with_a_watch_it_is_seen_when_it_is_told(root, monkeypatch):
    reads, now = counted(monkeypatch), Now()
    contents = FolderContents(now)
    put(root, "a/1.jpg", "8x8")
    contents.watch(["a"])
    with opened(root / "a") as descriptor:
        contents.of("a", descriptor)
        (root / "a" / "1.jpg").write_text("4000x3000")
        now.ahead_ns += HOUR_NS
        assert contents.of("a", descriptor).files[0].size == 3
        contents.forget(["a"])
        assert contents.of("a", descriptor).files[0].size == 9
    assert len(reads) == 2


def test_what_was_read_before_a_watch_began_is_looked_at_again(root, monkeypatch):
    reads, contents = counted(monkeypatch), FolderContents(Now())
    put(root, "a/1.jpg")
    with opened(root / "a") as descriptor:
        first = contents.of("a", descriptor)
        contents.watch(["a"])
        assert contents.of("a", descriptor) is first
        assert contents.of("a", descriptor) is first
    assert len(reads) == 2


def test_the_least_used_folders_leave_when_there_are_too_many_files(root, monkeypatch):
    reads, contents = counted(monkeypatch), FolderContents(Now(), most_files=20)
    for album in "abc":
        for number in range(8):
            put(root, f"{album}/{number}.jpg", at=MARCH_9)
    for album in "ababcba":
        with opened(root / album) as descriptor:
            contents.of(album, descriptor)
    assert len(reads) == 4  # a, b, c, and a again, which c had driven out
