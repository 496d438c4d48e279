import asyncio
import errno
import os
import signal
import stat
from pathlib import Path

import pytest

from cimaise.errors import Unavailable
from cimaise.state.base import MISSED
from cimaise.state.local import LocalState
from cimaise.state.local.shared_rates import SharedRates
from tests.kit.state_process import start_other

LIMIT_S = 10


class Clock:
    """Seconds that stand still."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_its_files_are_for_their_owner_alone(tmp_path: Path):
    state = LocalState(tmp_path / "state")
    asyncio.run(use_and_close(state))
    for path in (tmp_path / "state").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


async def use_and_close(state: LocalState) -> None:
    await state.take_lease("x", ttl_s=1)
    await state.close()


async def test_a_process_that_dies_holds_nobody_up(tmp_path: Path):
    other = await start_other(tmp_path)
    assert await other.take_lease("clean-up", ttl_s=0.2) is not None
    async with other.subscribe("links"):
        other.process.send_signal(signal.SIGKILL)
        await other.process.wait()
    state = LocalState(tmp_path / "state")
    assert (await state.hit("ann", limit=1, window_s=60)).is_allowed
    await state.publish("links", "nobody hears this")
    assert list((tmp_path / "state" / "signals").iterdir()) == []  # its pipe is gone
    async with asyncio.timeout(LIMIT_S):
        while (lease := await state.take_lease("clean-up", ttl_s=60)) is None:  # noqa: ASYNC110 (its time has to pass)
            await asyncio.sleep(0)
    assert lease is not None
    await state.close()


async def test_a_subscriber_that_is_too_slow_is_told_that_it_missed_some(tmp_path: Path):
    state = LocalState(tmp_path)
    async with state.subscribe("links") as heard:
        assert await anext(heard) == MISSED
        for number in range(2000):  # more than a pipe takes, before the loop can read
            await state.publish("links", f"{number:0200}")
        async with asyncio.timeout(LIMIT_S):
            words = [await anext(heard)]
            while words[-1] != MISSED:
                words.append(await anext(heard))
        await state.publish("links", "next")
        async with asyncio.timeout(LIMIT_S):
            assert await anext(heard) == "next"
    await state.close()


async def test_a_file_that_is_damaged_is_unavailable_and_no_crash(tmp_path: Path):
    (tmp_path / "facts.db").write_bytes(b"this is no database" * 100)
    state = LocalState(tmp_path)
    with pytest.raises(Unavailable):
        await state.check()
    assert (await state.hit("ann", limit=1, window_s=60)).is_allowed
    await state.close()


async def test_what_has_ended_does_not_pile_up(tmp_path: Path):
    clock = Clock()
    state = LocalState(tmp_path, clock=clock)
    for number in range(600):
        await state.put(f"key {number}", "x" * 100, ttl_s=1)
        clock.now += 2
    assert state._facts is not None
    assert (state._facts._row("select count(*) from entries") or (600,)) < (300,)
    await state.close()


def test_a_full_bucket_of_rates_makes_room_at_the_one_nearest_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cimaise.state.local.shared_rates._BUCKETS", 1)
    clock = Clock()
    rates = SharedRates(tmp_path / "rates", clock)
    for number in range(8):
        clock.now += 1
        rates.hit(f"key {number}", limit=1, window_s=3600, amount=1)
    assert rates.hit("one more", limit=1, window_s=3600, amount=1).is_allowed
    stopped = [
        not rates.hit(f"key {number}", limit=1, window_s=3600, amount=1).is_allowed
        for number in range(1, 8)
    ]
    assert all(stopped)
    rates.close()


def test_a_table_of_rates_never_grows(tmp_path: Path):
    rates = SharedRates(tmp_path / "rates", Clock())
    before = (tmp_path / "rates").stat().st_size
    for number in range(5000):
        rates.hit(f"key {number}", limit=1, window_s=60, amount=1)
    assert (tmp_path / "rates").stat().st_size == before
    rates.close()


def refused(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


async def test_places_are_counted_by_the_process_alone_where_the_file_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    state = LocalState(tmp_path / "state")
    before = await state.enter("ann", limit=1, ttl_s=60)
    assert before is not None
    with monkeypatch.context() as broken:
        broken.setattr(state, "_open", refused)
        during = await state.enter("ann", limit=1, ttl_s=60)
        assert during is not None
        assert await state.enter("ann", limit=1, ttl_s=60) is None
        await state.leave(during)
        assert await state.enter("ann", limit=1, ttl_s=60) is not None
        await state.leave(before)  # ends by itself
    await state.close()


async def test_hits_are_counted_where_the_system_has_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    state = LocalState(tmp_path / "state")
    monkeypatch.setattr("fcntl.lockf", refused)
    hits = [await state.hit("ann", limit=2, window_s=3600) for _ in range(3)]
    assert [hit.is_allowed for hit in hits] == [True, True, False]
    await state.close()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system has no such call")
@pytest.mark.parametrize("is_sparse", [False, True])
def test_the_file_of_rates_has_all_of_its_blocks_before_the_disk_may_be_full(
    tmp_path: Path, is_sparse: bool
):
    path = tmp_path / "rates"
    if is_sparse:  # as it was made before
        path.touch()
        os.truncate(path, 8192 * 192)
    SharedRates(path, Clock()).close()
    facts = path.stat()
    assert facts.st_size == 8192 * 192
    assert facts.st_blocks * 512 >= facts.st_size


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system has no such call")
def test_a_disk_without_room_for_the_file_of_rates_is_an_error_and_no_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match="No space left"):
        SharedRates(tmp_path / "rates", Clock())
