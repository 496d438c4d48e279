"""The promise of :class:`cimaise.state.base.State`, kept by every backend between two processes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from cimaise.state.base import MAX_SIGNAL_BYTES, MISSED, State
from cimaise.state.table import open_state
from tests.kit.redis_server import RedisServer
from tests.kit.state_process import start_other

T = TypeVar("T")
LONG, SHORT, LIMIT_S = 60.0, 0.05, 10.0


@dataclass(frozen=True)
class Pair:
    """Two openings of one backend: the test's own, and another process's where that can be."""

    ours: State
    theirs: State


@pytest.fixture(params=["local", "local-processes", "redis"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    """Each backend in turn, empty."""
    url = "local:"
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis")
        url = server.url
    ours: State = open_state(url, data_dir=tmp_path)
    theirs: State = ours
    if request.param == "local-processes":
        theirs = await start_other(tmp_path)
    elif request.param == "redis":
        theirs = open_state(url, data_dir=tmp_path / "other")
    yield Pair(ours, theirs)
    if theirs is not ours:
        await theirs.close()
    await ours.close()


async def soon(ask: Callable[[], Awaitable[T]], is_enough: Callable[[T], bool]) -> T:
    """Ask again and again until the answer will do."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            answer = await ask()
            if is_enough(answer):
                return answer
            await asyncio.sleep(0)


async def test_a_lease_has_one_holder_until_it_is_given_back(pair: Pair):
    held = await pair.ours.take_lease("clean-up", ttl_s=LONG)
    assert held is not None
    assert await pair.theirs.take_lease("clean-up", ttl_s=LONG) is None
    assert await pair.theirs.take_lease("another", ttl_s=LONG) is not None
    await pair.ours.release_lease(held)
    assert await pair.theirs.take_lease("clean-up", ttl_s=LONG) is not None


async def test_tokens_grow_with_every_taking(pair: Pair):
    tokens = []
    for _ in range(5):
        for state in (pair.ours, pair.theirs):
            lease = await state.take_lease("clean-up", ttl_s=LONG)
            assert lease is not None
            tokens.append(lease.token)
            await state.release_lease(lease)
    assert tokens == sorted(set(tokens))


async def test_a_lease_whose_time_is_over_is_anothers_and_the_first_holder_is_told(pair: Pair):
    first = await pair.ours.take_lease("clean-up", ttl_s=SHORT)
    assert first is not None
    second = await soon(
        lambda: pair.theirs.take_lease("clean-up", ttl_s=LONG), lambda lease: lease is not None
    )
    assert second is not None
    assert second.token > first.token
    assert not await pair.ours.renew_lease(first, ttl_s=LONG)
    await pair.ours.release_lease(first)  # takes nothing away from the second
    assert await pair.theirs.renew_lease(second, ttl_s=LONG)


async def test_a_renewed_lease_is_held_on(pair: Pair):
    lease = await pair.ours.take_lease("clean-up", ttl_s=LIMIT_S)
    assert lease is not None
    assert await pair.ours.renew_lease(lease, ttl_s=SHORT)  # to an end that is near
    await soon(lambda: pair.theirs.take_lease("clean-up", ttl_s=LONG), lambda taken: taken is not None)  # fmt: skip


async def test_of_many_who_want_a_lease_at_once_one_gets_it(pair: Pair):
    wanted = [pair.ours.take_lease("x", ttl_s=LONG) for _ in range(10)]
    taken = await asyncio.gather(*wanted, pair.theirs.take_lease("x", ttl_s=LONG))
    assert sum(lease is not None for lease in taken) == 1


async def test_a_rate_is_counted_together(pair: Pair):
    rates = []
    for _ in range(3):
        rates.append(await pair.ours.hit("ann", limit=5, window_s=3600))
        rates.append(await pair.theirs.hit("ann", limit=5, window_s=3600))
    assert [rate.is_allowed for rate in rates] == [True] * 5 + [False]
    assert [rate.remaining for rate in rates] == [4, 3, 2, 1, 0, 0]
    assert 600 < rates[-1].retry_after_s <= 720
    assert 3500 < rates[-1].resets_in_s <= 3600
    assert (await pair.ours.hit("ben", limit=5, window_s=3600)).is_allowed


async def test_an_amount_counts_for_as_many_and_a_refusal_for_nothing(pair: Pair):
    assert (await pair.ours.hit("bytes", limit=10, window_s=3600, amount=7)).remaining == 3
    assert not (await pair.theirs.hit("bytes", limit=10, window_s=3600, amount=4)).is_allowed
    assert (await pair.theirs.hit("bytes", limit=10, window_s=3600, amount=3)).remaining == 0


async def test_a_rate_recovers_with_time(pair: Pair):
    assert (await pair.ours.hit("ann", limit=1, window_s=SHORT)).is_allowed
    again = await soon(
        lambda: pair.theirs.hit("ann", limit=1, window_s=SHORT), lambda rate: rate.is_allowed
    )
    assert again.is_allowed


async def test_what_is_no_rate_is_refused(pair: Pair):
    with pytest.raises(ValueError, match="positive"):
        await pair.ours.hit("x", limit=0, window_s=1)


async def test_there_are_as_many_places_as_the_limit_says(pair: Pair):
    places = [await pair.ours.enter("ann", limit=2, ttl_s=LONG) for _ in range(2)]
    assert None not in places
    assert await pair.theirs.enter("ann", limit=2, ttl_s=LONG) is None
    assert await pair.theirs.enter("ben", limit=2, ttl_s=LONG) is not None
    assert places[0] is not None
    await pair.theirs.leave(places[0])
    await pair.theirs.leave(places[0])
    assert await pair.theirs.enter("ann", limit=2, ttl_s=LONG) is not None
    assert await pair.ours.enter("ann", limit=2, ttl_s=LONG) is None


async def test_a_place_that_nobody_gives_back_is_free_after_its_time(pair: Pair):
    assert await pair.ours.enter("ann", limit=1, ttl_s=SHORT) is not None
    place = await soon(
        lambda: pair.theirs.enter("ann", limit=1, ttl_s=LONG), lambda place: place is not None
    )
    assert place is not None


async def test_a_value_is_kept_for_its_time(pair: Pair):
    assert await pair.ours.get("motto") is None
    await pair.ours.put("motto", "tiens « ça »", ttl_s=LONG)
    assert await pair.theirs.get("motto") == "tiens « ça »"
    await pair.theirs.put("motto", "other", ttl_s=SHORT)
    await soon(lambda: pair.ours.get("motto"), lambda value: value is None)


async def test_a_signal_reaches_every_subscriber_of_its_channel(pair: Pair):
    async with asyncio.timeout(LIMIT_S), pair.theirs.subscribe("links") as far:
        async with pair.ours.subscribe("links") as near, pair.ours.subscribe("other") as other:
            for heard in (far, near, other):
                assert await anext(heard) == MISSED  # from here on nothing is missed
            await pair.ours.publish("links", "revoked 1")
            await pair.theirs.publish("links", "revoked 2")
            await pair.theirs.publish("other", "done")
            assert {await next_word(near), await next_word(near)} == {"revoked 1", "revoked 2"}
            assert {await next_word(far), await next_word(far)} == {"revoked 1", "revoked 2"}
            assert await next_word(other) == "done"


async def next_word(heard: AsyncIterator[str]) -> str:
    """The next message; a second opening of a channel may say that something was missed."""
    async for word in heard:
        if word != MISSED:
            return word
    raise AssertionError("the subscription ended")


@pytest.mark.parametrize(
    "words", [("", "x"), ("c", ""), ("c", "a\nb"), ("c", "é" * MAX_SIGNAL_BYTES)]
)
async def test_what_is_no_signal_is_refused(pair: Pair, words: tuple[str, str]):
    with pytest.raises(ValueError, match="signal"):
        await pair.ours.publish(*words)


async def test_the_backend_can_be_reached(pair: Pair):
    await pair.ours.check()
    await pair.theirs.check()
