"""A few at a time, and nothing left behind."""

import asyncio

import pytest

from cimaise.bounded import map_bounded


async def test_results_come_in_order_and_no_more_run_than_may():
    running, most = 0, 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5 - number % 5):
            await asyncio.sleep(0)
        running -= 1
        return number * number

    assert await map_bounded(work, range(20), at_once=4) == [n * n for n in range(20)]
    assert most == 4


async def test_when_one_fails_none_is_left_running_and_its_error_comes_as_it_is():
    ended: list[int] = []

    async def work(number: int) -> None:
        try:
            if number == 2:
                raise KeyError(number)
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    with pytest.raises(KeyError):
        await map_bounded(work, range(3), at_once=3)
    assert sorted(ended) == [0, 1, 2]


async def test_nothing_to_do_is_done():
    async def work(_: int) -> int:
        return 1

    assert await map_bounded(work, [], at_once=1) == []
