import asyncio
import os
import threading

import pytest

from cimaise.images.keeping.cache import Cache
from cimaise.images.keeping.entry import Entry, make_etag
from cimaise.images.keeping.hot import Hot

HEAD_BYTES = 92


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock_s():
    return Clock()


def entry(body=b"picture", made_at_s=5):
    return Entry(body, "image/webp", make_etag(body), 40, 30, made_at_s)


def cold():
    return Hot[Entry](max_bytes=0)


async def opened(folder, clock_s, max_bytes=1_000_000, hot=None):
    made = Cache(folder / "cache" / "images", max_bytes=max_bytes, hot=hot or cold(), now=clock_s)
    await made.start()
    await made.settled()
    return made


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("body", [b"", b"x", b"picture" * 100_000])
@pytest.mark.parametrize("hot", [True, False])
async def test_what_was_kept_comes_back_as_it_was(tmp_path, clock_s, body, hot):
    cache = await opened(tmp_path, clock_s, hot=Hot() if hot else None)
    assert await cache.get("source", "variant") is None
    await cache.put("source", "variant", entry(body))
    assert await cache.get("source", "variant") == entry(body)
    assert await cache.get("source", "other") is None
    assert await cache.get("other", "variant") is None
    await cache.close()


async def test_it_survives_a_restart_also_before_the_folder_was_looked_through(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s)
    await cache.put("source", "variant", entry())
    await cache.close()
    again = Cache(tmp_path / "cache" / "images", max_bytes=1_000_000, hot=cold(), now=clock_s)
    assert await again.get("source", "variant") == entry()
    await again.start()
    await again.settled()
    assert again.size == HEAD_BYTES + 7
    assert await again.get("source", "variant") == entry()
    assert again.size == HEAD_BYTES + 7
    await again.close()


async def test_the_bytes_on_disk_stay_below_the_limit_and_the_least_used_go_first(
    tmp_path, clock_s
):
    one = HEAD_BYTES + 1000
    cache = await opened(tmp_path, clock_s, max_bytes=3 * one)
    for name in "abc":
        clock_s.now += 4000
        await cache.put(name, "v", entry(b"x" * 1000))
    assert await cache.get("a", "v") is not None
    await cache.put("d", "v", entry(b"x" * 1000))
    await cache.settled()
    assert await cache.get("b", "v") is None
    for name in "acd":
        assert await cache.get(name, "v") is not None
    assert cache.size == 3 * one == sum(path.stat().st_size for path in files(tmp_path))
    assert len([path for path in (tmp_path / "cache/images").iterdir() if path.name != "tmp"]) == 4
    await cache.close()


async def test_what_was_used_last_is_known_after_a_restart(tmp_path, clock_s):
    one = HEAD_BYTES + 1000
    cache = await opened(tmp_path, clock_s)
    for name in "abc":
        clock_s.now += 10
        await cache.put(name, "v", entry(b"x" * 1000))
    clock_s.now += 5000
    assert await cache.get("a", "v") is not None
    await cache.close()
    smaller = await opened(tmp_path, clock_s, max_bytes=2 * one)
    assert [await smaller.get(name, "v") is not None for name in "abc"] == [True, False, True]
    assert smaller.size == 2 * one
    await smaller.close()


async def test_the_same_entry_again_is_counted_once(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s)
    for body in (b"x" * 100, b"y" * 50, b"z" * 50):
        await cache.put("s", "v", entry(body))
    assert cache.size == HEAD_BYTES + 50
    await cache.close()


async def test_an_entry_larger_than_the_whole_cache_is_not_kept(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s, max_bytes=500)
    await cache.put("s", "v", entry(b"x" * 5000))
    assert (cache.size, files(tmp_path)) == (0, [])
    await cache.close()


async def test_purging_a_source_removes_everything_made_of_it_and_nothing_else(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s, hot=Hot())
    for variant in ("1", "2", "3"):
        await cache.put("gone", variant, entry())
        await cache.put("stays", variant, entry())
    await cache.purge("gone")
    await cache.purge("never was there")
    assert [await cache.get("gone", v) for v in "123"] == [None] * 3
    assert None not in [await cache.get("stays", v) for v in "123"]
    assert cache.size == 3 * (HEAD_BYTES + 7)
    assert len(files(tmp_path)) == 3
    await cache.close()


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:10], lambda b: b"", lambda b: b"X" + b[1:]],
)
async def test_a_damaged_file_is_as_good_as_none(tmp_path, clock_s, damage):
    cache = await opened(tmp_path, clock_s)
    await cache.put("s", "v", entry())
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert await cache.get("s", "v") is None
    await cache.put("s", "v", entry())
    assert await cache.get("s", "v") == entry()
    await cache.close()


async def test_files_that_vanish_are_misses(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s)
    await cache.put("s", "v", entry())
    files(tmp_path)[0].unlink()
    assert await cache.get("s", "v") is None
    assert cache.size == 0
    await cache.close()


async def test_what_dead_processes_left_half_written_is_removed_when_old(tmp_path, clock_s):
    folder = tmp_path / "cache" / "images" / "tmp"
    folder.mkdir(parents=True)
    for name, age_s in (("old", 7200), ("young", 60)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (clock_s.now - age_s, clock_s.now - age_s))
    cache = await opened(tmp_path, clock_s)
    assert [path.name for path in folder.iterdir()] == ["young"]
    assert cache.size == 0
    await cache.close()


async def test_a_disk_that_refuses_costs_only_the_entry(tmp_path, clock_s, monkeypatch):
    cache = await opened(tmp_path, clock_s)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    await cache.put("s", "v", entry())
    assert await cache.get("s", "v") is None
    assert cache.size == 0
    await cache.close()


async def test_a_hot_entry_is_served_without_the_disk(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s, hot=Hot())
    await cache.put("s", "v", entry())
    assert await cache.get("s", "v") == entry()
    files(tmp_path)[0].unlink()
    assert await cache.get("s", "v") == entry()
    await cache.close()


async def test_what_nobody_asks_for_again_takes_no_memory(tmp_path, clock_s):
    hot: Hot[Entry] = Hot()
    cache = await opened(tmp_path, clock_s, hot=hot)
    for number in range(5):
        await cache.put("s", str(number), entry())
    assert hot.size == 0
    await cache.get("s", "3")
    assert hot.count == 1
    await cache.close()


async def test_a_new_version_takes_the_place_of_a_hot_one(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s, hot=Hot())
    await cache.put("s", "v", entry(b"old"))
    await cache.get("s", "v")
    await cache.put("s", "v", entry(b"new"))
    assert await cache.get("s", "v") == entry(b"new")
    await cache.close()


async def test_memory_has_to_do_where_the_disk_refuses(tmp_path, clock_s, monkeypatch):
    cache = await opened(tmp_path, clock_s, hot=Hot())

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    await cache.put("s", "v", entry())
    assert await cache.get("s", "v") == entry()
    await cache.close()


async def test_nobody_reads_half_an_entry_while_it_is_written(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s)
    bodies = [bytes([number]) * 300_000 for number in range(8)]
    await cache.put("s", "v", entry(bodies[0]))
    writing = [asyncio.create_task(cache.put("s", "v", entry(body))) for body in bodies]
    for _ in range(20):
        found = await cache.get("s", "v")
        assert found is not None
        assert found.body in bodies
        assert found.etag == make_etag(found.body)
    await asyncio.gather(*writing)
    await cache.close()


async def test_changes_come_from_one_thread_and_end_with_the_cache(tmp_path, clock_s):
    others = set(threading.enumerate())  # of servers that other tests have running
    cache = await opened(tmp_path, clock_s)
    await asyncio.gather(*(cache.put("s", str(n), entry()) for n in range(20)))
    ours = [t for t in set(threading.enumerate()) - others if t.name.startswith("picture-cache")]
    assert len(ours) == 1
    await cache.close()
    assert not ours[0].is_alive()


def test_hot_keeps_what_was_used_last_within_its_bytes():
    hot = Hot[str](max_bytes=30, max_entry_bytes=10)
    for name in ("a/1", "a/2", "b/1"):
        hot.put(name, name, 10)
    assert hot.get("a/1") == "a/1"
    hot.put("b/2", "b/2", 10)
    assert hot.get("a/2") is None
    assert hot.size == 30
    hot.put("big", "big", 11)
    assert hot.get("big") is None
    hot.put("a/1", "again", 5)
    assert (hot.get("a/1"), hot.size) == ("again", 25)
    hot.drop_all("b/")
    assert (hot.get("b/1"), hot.get("b/2"), hot.size) == (None, None, 5)


async def test_processes_that_share_a_folder_keep_to_the_limit_together(tmp_path, clock_s):
    one = HEAD_BYTES + 1000
    first = await opened(tmp_path, clock_s, max_bytes=8 * one)
    second = await opened(tmp_path, clock_s, max_bytes=8 * one)
    for number in range(8):
        clock_s.now += 4000
        await first.put(f"first {number}", "v", entry(b"x" * 1000))
        clock_s.now += 1
        await second.put(f"second {number}", "v", entry(b"x" * 1000))
    await first.settled()
    await second.settled()
    left = len([path for path in files(tmp_path) if path.parent.name != "tmp"])
    assert left == 8
    assert await first.get("second 7", "v") is not None
    assert await second.get("first 4", "v") is not None
    assert await second.get("first 3", "v") is None
    await first.close()
    await second.close()


async def test_the_folder_may_vanish_and_is_filled_again(tmp_path, clock_s):
    cache = await opened(tmp_path, clock_s)
    await cache.put("source", "variant", entry())
    for path in files(tmp_path):
        path.unlink()
    assert await cache.get("source", "variant") is None
    assert cache.size == 0
    await cache.put("source", "variant", entry())
    assert await cache.get("source", "variant") == entry()
    await cache.close()
