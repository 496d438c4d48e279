"""Files that stay open: for how long, how many, and that none is closed while it is sent."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cimaise.delivery.open_files import FileFacts, OpenFiles, asked_by_all

FACTS = FileFacts(4, b'"e"', b"", b"", "/files/{id}", "file", "owner")


class World:
    """A file, a time and a number of changes, all of which the test decides."""

    now_s = 0.0
    changes = 0

    def __init__(self, folder: Path) -> None:
        path = folder / "a.bin"
        path.write_bytes(b"body")
        self.descriptor = os.open(path, os.O_RDONLY)
        self.files = OpenFiles(lambda: self.changes, most=3, clock=lambda: self.now_s)

    def put(self, key: str, *, lasts_s: float = 2.0, changes: int | None = None) -> None:
        before = self.changes if changes is None else changes
        self.files.put(key, self.descriptor, FACTS, lasts_s=lasts_s, changes=before)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.files.close()
    os.close(made.descriptor)


def is_open(descriptor: int) -> bool:
    return descriptor >= 0 and os.pread(descriptor, 4, 0) == b"body"


async def test_a_file_is_open_until_its_time_is_over(world: World):
    world.put("a")
    found = world.files.get("a")
    assert found is not None
    assert found.descriptor != world.descriptor
    assert is_open(found.descriptor)
    world.now_s = 2.0
    assert world.files.get("a") is None
    assert not is_open(found.descriptor)


async def test_a_change_ends_it_at_once(world: World):
    world.put("a")
    world.changes += 1
    assert world.files.get("a") is None


async def test_what_was_decided_before_a_change_is_not_kept(world: World):
    world.changes = 1
    world.put("a", changes=0)
    world.put("b", lasts_s=0.0)
    world.put("c", lasts_s=-1.0)
    assert world.files.count == 0


async def test_no_more_than_so_many_are_open(world: World):
    world.put("0")
    first = world.files.get("0")
    for number in range(1, 4):
        world.put(str(number))
    assert first is not None
    assert not is_open(first.descriptor)
    assert world.files.count == 3
    assert world.files.get("3") is not None


async def test_a_file_that_is_sent_is_closed_when_it_has_been(world: World):
    world.put("a")
    sent = world.files.get("a")
    assert sent is not None
    sent.take()
    sent.take()
    world.put("a")
    assert world.files.get("a") is not sent
    world.files.close()
    assert is_open(sent.descriptor)
    sent.give_back()
    assert is_open(sent.descriptor)
    sent.give_back()
    assert not is_open(sent.descriptor)


async def test_what_nobody_asks_for_any_more_is_closed_all_the_same(world: World):
    world.put("a")
    found = world.files.get("a")
    assert found is not None
    world.files._sweep()
    assert is_open(found.descriptor)
    world.now_s = 2.0
    world.files._sweep()
    assert not is_open(found.descriptor)
    assert world.files.count == 0


def test_what_everybody_asks_with_is_the_target_and_the_one_host():
    host, other = (b"host", b"a.test"), (b"host", b"b.test")
    assert asked_by_all(b"/a", [host]) == asked_by_all(b"/a", [(b"accept", b"x"), host])
    assert asked_by_all(b"/a", [host]) != asked_by_all(b"/a", [other])
    assert asked_by_all(b"/a", [host]) != asked_by_all(b"/b", [host])
    assert asked_by_all(b"/a", [host, other]) is None
    assert asked_by_all(b"/a", []) is None
