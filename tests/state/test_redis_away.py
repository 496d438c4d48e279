"""The server is killed, started again without its memory, or hangs, while clients go on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cimaise.errors import Unavailable
from cimaise.state.base import MISSED, State
from cimaise.state.local import LocalState
from cimaise.state.redis import RedisState
from tests.kit.redis_server import RedisServer

LONG, LIMIT_S = 60.0, 15.0


class Clock:
    """Seconds that go up when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Clock:
    return Clock()


@pytest.fixture
async def state(redis: RedisServer, tmp_path: Path, ticks: Clock) -> AsyncIterator[State]:
    opened = RedisState(redis.url, spare=LocalState(tmp_path), clock=ticks)
    yield opened
    await opened.close()


async def test_rates_are_counted_on_this_machine_while_the_server_is_away(
    redis: RedisServer, state: State, ticks: Clock
):
    for _ in range(3):
        assert (await state.hit("ann", limit=3, window_s=3600)).is_allowed
    redis.stop()
    allowed = [(await state.hit("ann", limit=3, window_s=3600)).is_allowed for _ in range(4)]
    assert allowed == [True, True, True, False]
    redis.start()
    ticks.now += 2
    assert (await state.hit("ann", limit=3, window_s=3600)).is_allowed


async def test_places_are_counted_on_this_machine_while_the_server_is_away(
    redis: RedisServer, state: State, ticks: Clock
):
    before = await state.enter("ann", limit=1, ttl_s=LONG)
    assert before is not None
    redis.stop()
    during = await state.enter("ann", limit=1, ttl_s=LONG)
    assert during is not None
    assert await state.enter("ann", limit=1, ttl_s=LONG) is None
    await state.leave(before)  # is dropped, and harms nothing
    redis.start()
    ticks.now += 2
    assert await state.enter("ann", limit=1, ttl_s=LONG) is not None
    await state.leave(during)


async def test_no_lease_is_given_while_the_server_is_away(
    redis: RedisServer, state: State, ticks: Clock
):
    held = await state.take_lease("clean-up", ttl_s=LONG)
    assert held is not None
    redis.stop()
    for ask in (state.take_lease("clean-up", ttl_s=LONG), state.renew_lease(held, ttl_s=LONG)):
        with pytest.raises(Unavailable):
            await ask
    with pytest.raises(Unavailable):
        await state.check()
    redis.start()
    ticks.now += 2
    await state.check()


async def test_a_server_that_forgot_everything_still_gives_greater_tokens(
    redis: RedisServer, state: State, ticks: Clock
):
    before = await state.take_lease("clean-up", ttl_s=LONG)
    redis.stop()
    redis.start()
    ticks.now += 2
    after = await state.take_lease("clean-up", ttl_s=LONG)
    assert before is not None
    assert after is not None
    assert after.token > before.token
    assert not await state.renew_lease(before, ttl_s=LONG)


@pytest.mark.slow  # it is waited for as long as the client's own time limit
async def test_a_server_that_hangs_holds_up_one_request_and_not_those_behind_it(
    redis: RedisServer, state: State
):
    await state.check()
    redis.hang()
    try:
        assert (await state.hit("ann", limit=3, window_s=3600)).is_allowed
        async with asyncio.timeout(0.5):
            for _ in range(100):
                await state.hit("ann", limit=3, window_s=3600)
    finally:
        redis.go_on()


@pytest.mark.slow
async def test_a_subscriber_is_told_that_it_missed_something_when_the_server_is_back(
    redis: RedisServer, state: State, tmp_path: Path
):
    async with asyncio.timeout(LIMIT_S), state.subscribe("links") as heard:
        assert await anext(heard) == MISSED
        redis.stop()
        await state.publish("links", "nobody else hears it")
        assert {await anext(heard), await anext(heard)} == {MISSED, "nobody else hears it"}
        redis.start()
        assert await anext(heard) == MISSED
        other = RedisState(redis.url, spare=LocalState(tmp_path / "other"))
        await other.publish("links", "revoked")
        assert await anext(heard) == "revoked"
        await other.close()
