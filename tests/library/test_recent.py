"""Records that were looked up a moment ago: never past their time, never past a change."""

from dataclasses import dataclass
from typing import Any, cast

from cimaise.library.recent import MOST, TTL_S, RecentFiles


@dataclass(frozen=True)
class Record:
    id: str


class World:
    def __init__(self) -> None:
        self.changes = 0
        self.now_s = 0.0
        self.recent = RecentFiles(lambda: self.changes, clock=lambda: self.now_s)

    def put(self, file_id: str) -> None:
        self.recent.put(cast("Any", Record(file_id)), changes=self.changes)

    def has(self, file_id: str) -> bool:
        return self.recent.get(file_id) is not None


def test_what_was_put_is_found_until_its_time_is_over():
    world = World()
    world.put("a")
    world.now_s = TTL_S - 0.1
    assert world.has("a")
    world.now_s = TTL_S
    assert not world.has("a")


def test_any_change_forgets_everything():
    world = World()
    world.put("a")
    world.changes += 1
    assert not world.has("a")


def test_what_was_read_before_a_change_is_not_kept_after_it():
    world = World()
    world.changes = 1
    world.recent.put(cast("Any", Record("a")), changes=0)
    assert not world.has("a")


def test_it_never_grows_without_end():
    world = World()
    for number in range(MOST + 10):
        world.put(str(number))
    assert not world.has("0")
    assert world.has(str(MOST))
