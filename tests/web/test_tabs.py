"""Requests that are counted after they were answered: soon, all of them, and never many at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cimaise.settings.rate import UNLIMITED, Allowance
from cimaise.state.base import Rate, State
from cimaise.state.table import open_state
from cimaise.web.limits.tabs import MOST_OWED, Tabs


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    opened = open_state("local:", data_dir=tmp_path)
    yield opened
    await opened.close()


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def left(state: State, key: str, allowance: Allowance) -> int:
    """What is left after one hit more, the hit included."""
    rate: Rate = await state.hit(key, limit=allowance.count, window_s=allowance.window_s)
    return rate.remaining + rate.is_allowed


async def test_all_that_were_admitted_are_counted(state: State):
    tabs, allowance = Tabs(state), Allowance(100, 3600.0)
    assert all(tabs.admit("a", allowance) for _ in range(30))
    await tabs.settled()
    assert await left(state, "a", allowance) == 70


async def test_so_many_may_be_owed_and_no_more(state: State):
    tabs, allowance = Tabs(state), Allowance(1000, 3600.0)
    admitted = [tabs.admit("a", allowance) for _ in range(MOST_OWED + 5)]
    assert admitted == [True] * MOST_OWED + [False] * 5
    await tabs.settled()
    assert tabs.admit("a", allowance)
    await tabs.settled()


async def test_a_short_allowance_is_never_exceeded_by_more_than_itself(state: State):
    tabs, allowance = Tabs(state), Allowance(3, 3600.0)
    assert [tabs.admit("a", allowance) for _ in range(5)] == [True] * 3 + [False] * 2
    await tabs.settled()
    assert not tabs.admit("a", allowance)
    assert await left(state, "a", allowance) == 0


async def test_where_fewer_are_left_than_were_had_those_are_taken(state: State):
    tabs, allowance = Tabs(state), Allowance(10, 3600.0)
    await state.hit("a", limit=10, window_s=3600.0, amount=8)
    assert all(tabs.admit("a", allowance) for _ in range(5))
    await tabs.settled()
    assert not tabs.admit("a", allowance)
    assert await left(state, "a", allowance) == 0


async def test_a_tab_is_open_again_after_its_time(state: State):
    seconds = Seconds()
    tabs, allowance = Tabs(state, seconds), Allowance(1, 60.0)
    assert tabs.admit("a", allowance)
    await tabs.settled()
    assert not tabs.admit("a", allowance)
    seconds.now += 60.0
    assert tabs.admit("a", allowance)
    await tabs.settled()


async def test_accounts_have_tabs_of_their_own_and_no_limit_needs_none(state: State):
    tabs, allowance = Tabs(state), Allowance(1, 3600.0)
    assert tabs.admit("a", allowance)
    assert tabs.admit("b", allowance)
    assert all(tabs.admit("a", UNLIMITED) for _ in range(100))
    await asyncio.sleep(0)
    await tabs.settled()
