import asyncio

import pytest

from cimaise.access.keys import cache as key_cache
from cimaise.access.keys.cache import KeyCache, KnownKey
from cimaise.access.policy import Principal, Role
from tests.conftest import StandingClock

ANN = KnownKey(Principal("ann", "ann", Role.MEMBER), None)


def test_a_key_is_known_for_less_than_four_seconds(clock: StandingClock):
    cache = KeyCache(clock)
    cache.put("d", ANN, generation=cache.generation)
    clock.advance(3.999)
    assert cache.get("d") == ANN
    clock.advance(0.001)
    assert cache.get("d") is None


def test_a_clock_that_is_set_back_prolongs_nothing(clock: StandingClock):
    cache = KeyCache(clock)
    cache.put("d", ANN, generation=cache.generation)
    clock.advance(-3600)
    assert cache.get("d") is None


def test_what_was_looked_up_before_the_cache_was_emptied_is_not_kept(clock: StandingClock):
    cache = KeyCache(clock)
    generation = cache.generation
    cache.empty()
    cache.put("d", ANN, generation=generation)
    assert cache.get("d") is None


def test_it_never_holds_more_than_its_bound(clock: StandingClock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(key_cache, "_MAX_KEYS", 3)
    cache = KeyCache(clock)
    for digest in ("a", "b", "c", "a", "d"):
        cache.put(digest, ANN, generation=cache.generation)
    assert [digest for digest in "abcd" if cache.get(digest)] == ["a", "c", "d"]


async def test_a_change_that_fails_empties_it_too(clock: StandingClock):
    cache = KeyCache(clock)
    cache.put("d", ANN, generation=cache.generation)

    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cache.emptied_by(fails())
    assert cache.get("d") is None


async def test_a_change_goes_on_when_its_caller_is_cancelled(
    clock: StandingClock, monkeypatch: pytest.MonkeyPatch
):
    cache = KeyCache(clock)
    started, go_on, emptied = asyncio.Event(), asyncio.Event(), asyncio.Event()
    empty = cache.empty

    def announced_empty() -> None:
        empty()
        emptied.set()

    monkeypatch.setattr(cache, "empty", announced_empty)

    async def change() -> None:
        started.set()
        await go_on.wait()

    task = asyncio.create_task(cache.emptied_by(change()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    cache.put("d", ANN, generation=cache.generation)
    go_on.set()
    await emptied.wait()
    assert cache.get("d") is None
