"""Bodies whose bytes a thread moves: a pour never ends before it has done."""

import asyncio
from typing import Any

import pytest

from cimaise.server.piped import Piped, Pipes
from cimaise.server.receive import Inflow


class Source:
    def want_body(self) -> None:
        """It has nothing."""

    def pause_body(self) -> None:
        """It has nothing."""


class Left:
    """Takes pieces by leaving them to a thread that is never there."""

    def __init__(self, size: int) -> None:
        self.piece = Piped(Pipes(), -1, size, may_go_apart=True)
        self.given: list[int] = []

    def __call__(self, piece: Any) -> None:
        self.given.append(len(piece))
        assert piece.apart(lambda: None, lambda: None)


async def begun_with_a_thread(size: int, most: int) -> tuple[Inflow, Left, asyncio.Task[bool]]:
    """A pour whose first piece is a thread's."""
    inflow, take = Inflow(Source()), Left(size)
    pouring = asyncio.ensure_future(inflow.pour(take, most, by_pipe=True))
    await asyncio.sleep(0)
    inflow.add(take.piece)
    assert not inflow.is_wanted
    return inflow, take, pouring


async def test_a_pour_ends_when_the_thread_that_moves_its_last_piece_has_done():
    inflow, take, pouring = await begun_with_a_thread(4, 4)
    inflow.leave()
    await asyncio.sleep(0)
    assert not pouring.done()
    inflow.moved(None)
    assert await pouring
    assert take.given == [4]


async def test_a_pour_goes_on_when_a_thread_has_done():
    inflow, _, pouring = await begun_with_a_thread(4, 5)
    inflow.moved(None)
    await asyncio.sleep(0)
    assert inflow.is_wanted
    assert inflow.room == 1
    inflow.end()
    assert not await pouring


async def test_a_cancelled_pour_waits_for_its_thread():
    inflow, _, pouring = await begun_with_a_thread(4, 9)
    for _ in range(2):
        pouring.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not pouring.done()
    inflow.moved(None)
    with pytest.raises(asyncio.CancelledError):
        await pouring


async def test_what_a_thread_raises_is_raised_where_it_was_poured():
    inflow, _, pouring = await begun_with_a_thread(4, 9)
    inflow.moved(ValueError())
    with pytest.raises(ValueError):
        await pouring
