"""What is made once for all requests, processes and machines, and purged for all of them."""

import asyncio
import itertools
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cimaise.errors import TypeNotAllowed, Unavailable
from cimaise.images.keeping.alone import Alone
from cimaise.images.keeping.cache import Cache
from cimaise.images.keeping.entry import Entry, entry_name, make_etag, source_folder
from cimaise.images.keeping.hot import Hot
from cimaise.images.keeping.kept import CHANNEL, Kept
from cimaise.images.keeping.shared_cache import SharedCache
from cimaise.state.local import LocalState
from cimaise.storage.keys import is_valid_key
from cimaise.storage.memory import MemoryStorage

CHILD = Path(__file__).with_name("maker_process.py")
ROOT = Path(__file__).parents[2]


def entry(text: str = "picture") -> Entry:
    body = text.encode()
    return Entry(body, "image/webp", make_etag(body), 4, 3, 5)


def memory() -> MemoryStorage:
    ticks = itertools.count()
    return MemoryStorage(
        urls=None,
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(ticks)),
        random=lambda: f"random-{next(ticks)}",
    )


def maker(text: str = "picture"):
    made = []

    async def make() -> Entry:
        made.append(text)
        return entry(text)

    make.made = made  # type: ignore[attr-defined]
    return make


class Process:
    """What one process has: its memory and its disk, or that of its machine."""

    def __init__(self, folder, state=None, storage=None, machine="one"):
        self.changes: list[str] = []
        self.cache = Cache(folder / machine, max_bytes=1_000_000, hot=Hot())
        self.kept = Kept(
            self.cache,
            shared=SharedCache(storage) if storage else None,
            alone=Alone(folder / f"locks-{machine}", fleet=state if storage else None),
            state=state,
            on_change=self.changes.append,
        )

    async def __aenter__(self):
        await self.cache.start()
        self.kept.start()
        return self

    async def __aexit__(self, *_):
        await self.kept.close()


@pytest.fixture
async def state(tmp_path):
    made = LocalState(tmp_path / "state")
    yield made
    await made.close()


def run_processes(tmp_path: Path, *, machines: int, processes: int) -> list[str]:
    common = tmp_path / "common"
    common.mkdir()
    bucket = str(tmp_path / "bucket") if machines > 1 else "-"
    running = []
    for number in range(processes):
        machine = tmp_path / f"machine-{number % machines}"
        command = [sys.executable, str(CHILD), str(machine / "cache"), str(machine / "locks"),
                   bucket, str(common), str(processes), str(number)]  # fmt: skip
        running.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
        )
    texts = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * processes
    assert len((common / "made").read_text().split()) == 1
    return texts


@pytest.mark.slow
def test_processes_of_a_machine_make_a_variant_once(tmp_path):
    texts = run_processes(tmp_path, machines=1, processes=3)
    assert len(set(texts)) == 1


@pytest.mark.slow
def test_machines_that_share_a_storage_make_a_variant_once(tmp_path):
    texts = run_processes(tmp_path, machines=2, processes=2)
    assert len(set(texts)) == 1


@pytest.mark.slow
def test_a_process_that_is_killed_lets_go_of_its_locks(tmp_path):
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom cimaise.images.keeping.alone import Alone\n"
        "async def main():\n"
        f"    async with Alone(Path({str(tmp_path)!r})).held('a'):\n"
        "        print('held', flush=True)\n        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"

    async def wait_for_it() -> None:
        alone = Alone(tmp_path)
        async with asyncio.timeout(20):
            entering = asyncio.create_task(enter(alone))
            await asyncio.sleep(0)
            assert not entering.done()
            process.kill()
            await entering
        alone.close()

    async def enter(alone: Alone) -> None:
        async with alone.held("a"):
            pass

    asyncio.run(wait_for_it())
    process.communicate(timeout=10)


@pytest.mark.parametrize("others", ["processes", "nobody"])
async def test_what_was_made_between_a_look_and_the_request_is_not_made_again(tmp_path, others):
    async with Process(tmp_path) as one:
        kept = one.kept if others == "processes" else Kept(one.cache)
        assert await kept.get("source", "variant") is None
        await kept.once("source", "variant", maker("first"))
        await kept.settled()
        again = maker("again")
        assert await kept.once("source", "variant", again) == entry("first")
        assert again.made == []


async def test_different_names_do_not_wait_for_each_other(tmp_path):
    alone = Alone(tmp_path)
    async with asyncio.timeout(20), alone.held("a"), alone.held("b"):
        pass
    alone.close()


async def test_where_the_machines_cannot_agree_each_makes_its_own(tmp_path):
    class Away:
        async def take_lease(self, name, *, ttl_s):
            raise Unavailable("away")

    alone = Alone(tmp_path, fleet=Away())  # type: ignore[arg-type]
    async with asyncio.timeout(20), alone.held("a"):
        pass
    alone.close()


async def test_what_one_machine_made_the_other_fetches(tmp_path, state):
    storage, make = memory(), maker("one")
    async with (
        Process(tmp_path, state, storage, "one") as one,
        Process(tmp_path, state, storage, "two") as two,
    ):
        await one.kept.once("source", "variant", make)
        await one.kept.settled()
        got = await two.kept.once("source", "variant", maker("two"))
        assert got == entry("one")
        assert await two.cache.get("source", "variant") == entry("one")


async def test_a_shared_one_that_is_too_old_is_made_anew(tmp_path, state):
    storage = memory()
    await SharedCache(storage).put("source", "variant", entry("old"))
    async with Process(tmp_path, state, storage) as one:
        made = await one.kept.once(
            "source", "variant", maker("new"), is_fresh=lambda kept: kept.body != b"old"
        )
        await one.kept.settled()
    assert made == entry("new")
    assert await SharedCache(storage).get("source", "variant") == entry("new")


async def test_a_purge_reaches_every_process_and_the_shared_ones(tmp_path, state, wait_until):
    storage = memory()
    async with (
        Process(tmp_path, state, storage, "one") as one,
        Process(tmp_path, state, storage, "two") as two,
    ):
        await wait_until(lambda: "" in two.changes)  # it listens
        for variant in ("a", "b"):
            await one.kept.once("source", variant, maker())
            await one.kept.settled()
            await two.kept.once("source", variant, maker())
        await two.kept.once("other", "a", maker())
        await two.kept.settled()
        await one.kept.purge("source")
        await wait_until(lambda: source_folder("source") in two.changes)
        await two.cache.settled()
        for process in (one, two):
            assert await process.cache.get("source", "a") is None
            assert await process.cache.get("source", "b") is None
        assert await two.cache.get("other", "a") is not None
        assert await SharedCache(storage).get("source", "a") is None


async def test_what_is_being_made_elsewhere_while_it_is_purged_is_not_kept(
    tmp_path, state, wait_until
):
    gate, begun = asyncio.Event(), asyncio.Event()

    async def make():
        begun.set()
        await gate.wait()
        return entry()

    async with Process(tmp_path, state) as one, Process(tmp_path, state, machine="two") as two:
        await wait_until(lambda: "" in two.changes)
        making = asyncio.create_task(two.kept.once("source", "a", make))
        await begun.wait()
        await one.kept.purge("source")
        await wait_until(lambda: source_folder("source") in two.changes)
        gate.set()
        assert await making == entry()
        await two.kept.settled()
        assert await two.cache.get("source", "a") is None


async def test_doubt_reaches_every_process_and_removes_nothing(tmp_path, state, wait_until):
    async with Process(tmp_path, state) as one, Process(tmp_path, state, machine="two") as two:
        await wait_until(lambda: "" in two.changes)
        await two.kept.once("source", "a", maker())
        await two.kept.settled()
        before = len(two.changes)
        await one.kept.doubt()
        await wait_until(lambda: len(two.changes) > before)
        assert await two.cache.get("source", "a") is not None


async def test_a_signal_that_is_no_folder_of_a_source_removes_nothing(tmp_path, state, wait_until):
    outside = tmp_path / "outside"
    outside.mkdir()
    async with Process(tmp_path, state) as one:
        await wait_until(lambda: "" in one.changes)
        for text in ("../outside", "..", "/", "ab/", f"../{'a' * 62}/"):
            await state.publish(CHANNEL, text)
        await state.publish(CHANNEL, "*")
        await wait_until(lambda: len(one.changes) > 1)
    assert outside.is_dir()
    assert set(one.changes) == {""}


async def test_a_failure_reaches_who_asked_and_lets_go_of_the_lock(tmp_path, state):
    async def fail():
        raise TypeNotAllowed("no picture")

    async with Process(tmp_path, state) as one:
        for _ in range(2):
            with pytest.raises(TypeNotAllowed):
                await one.kept.once("source", "a", fail)
        assert await one.kept.once("source", "a", maker()) == entry()


async def test_the_oldest_shared_ones_go_first():
    storage = memory()
    shared = SharedCache(storage)
    for number in range(5):
        await shared.put("source", str(number), entry("x" * 100))
    (size,) = {info.size async for info in storage.list("variants/")}
    assert await shared.trim(size * 2 + 1) == 3
    left = [number for number in range(5) if await shared.get("source", str(number))]
    assert left == [3, 4]
    assert await shared.trim(size * 2) == 0


def test_names_of_entries_are_keys_that_every_storage_takes():
    assert is_valid_key(f"variants/{entry_name('any source', 'any variant')}")
