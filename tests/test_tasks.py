"""Loops beside the requests go on after a fault."""

import asyncio
from itertools import pairwise

import pytest

from cimaise.tasks import FIRST_PAUSE_S, LONGEST_PAUSE_S, Forever, forever


class Enough(BaseException):
    """Ends a test's loop."""


class Time:
    """Passes where somebody sleeps, or works; ends the loop after a number of pauses."""

    def __init__(self, pauses: int) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._pauses = pauses

    async def sleep(self, seconds: float) -> None:
        """Is over at once."""
        self.slept.append(seconds)
        self.now += seconds
        if len(self.slept) == self._pauses:
            raise Enough


async def run(time: Time, outcomes: list[float | None]) -> None:
    """Turns that last so many seconds and fail; ``None`` succeeds at once."""

    async def work() -> None:
        lasts = outcomes.pop(0)
        if lasts is not None:
            time.now += lasts
            raise RuntimeError("a fault")

    with pytest.raises(Enough):
        await forever("test", work, sleep=time.sleep, now=lambda: time.now)


async def test_pauses_double_up_to_a_minute():
    time = Time(9)
    await run(time, [0.0] * 9)
    assert time.slept[0] == FIRST_PAUSE_S
    assert all(after == min(2 * before, LONGEST_PAUSE_S) for before, after in pairwise(time.slept))
    assert time.slept[-1] == LONGEST_PAUSE_S


async def test_a_turn_that_succeeds_makes_the_next_pause_short():
    time = Time(3)
    await run(time, [0.0, 0.0, None, 0.0])
    assert time.slept == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, FIRST_PAUSE_S]


async def test_a_listener_that_lasted_makes_the_next_pause_short():
    time = Time(3)
    await run(time, [0.0, 0.0, LONGEST_PAUSE_S + 1])
    assert time.slept == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, FIRST_PAUSE_S]


async def test_what_is_started_twice_runs_once_and_what_was_stopped_can_be_started_again():
    begun = asyncio.Event()
    turns = 0

    async def work() -> None:
        nonlocal turns
        turns += 1
        begun.set()
        await asyncio.Event().wait()

    loop = Forever("test", work)
    await loop.stop()  # not started: nothing to do
    for expected in (1, 2):
        begun.clear()
        loop.start()
        loop.start()
        await begun.wait()
        await asyncio.sleep(0)
        assert turns == expected
        await loop.stop()
