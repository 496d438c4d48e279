"""A body that is read ahead: nothing that has arrived is lost, and no more than asked is held."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cimaise.errors import ClientGone
from cimaise.uploads.tus import intake as intake_module
from cimaise.uploads.tus.intake import Intake
from tests.kit.asgi import turn
from tests.kit.tus import Halting, broken


async def test_everything_comes_in_order_and_then_the_end():
    whole = bytes(range(256)) * 1000
    body = Halting(whole[:200_000], whole[200_000:])
    body.goes_on.set()
    taken = b""
    async with Intake(aiter(body)) as intake:
        while pieces := await intake.take():
            taken += b"".join(pieces)
        assert await intake.take() == []
    assert taken == whole


class Counted:
    """Endless chunks; says how many were asked for."""

    def __init__(self) -> None:
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.given += 1
            yield b"0123456789"
            await turn()


async def test_no_more_is_read_ahead_than_may_be_held():
    source = Counted()
    async with Intake(aiter(source), most=35) as intake:
        for _ in range(100):
            await turn()
        assert source.given == 4
        assert await intake.take() == [b"0123456789"] * 4
        for _ in range(100):
            await turn()
        assert source.given == 8


async def test_what_came_before_a_break_is_given_before_the_break():
    async with Intake(broken(b"kept")) as intake:
        assert await intake.take() == [b"kept"]
        with pytest.raises(ClientGone):
            await intake.take()
        with pytest.raises(ClientGone):
            await intake.take()


async def test_patience_ends_without_an_end():
    body = Halting(b"first", b"second")
    async with Intake(aiter(body)) as intake:
        assert await intake.take() == [b"first"]
        assert await intake.take(0) is None
        body.goes_on.set()
        assert await intake.take() == [b"second"]
        assert await intake.take() == []


async def test_an_interruption_gives_what_arrived_and_then_the_end():
    body = Halting(b"arrived")
    async with Intake(aiter(body)) as intake:
        await body.halts.wait()
        intake.interrupt()
        assert await intake.take() == [b"arrived"]
        assert await intake.take() == []


async def test_an_interruption_wakes_whoever_waits():
    body = Halting(b"")
    async with Intake(aiter(body)) as intake:
        waiting = asyncio.create_task(intake.take())
        await body.halts.wait()
        intake.interrupt()
        assert await waiting == []


@pytest.mark.parametrize(("name", "least"), [("_MOST_DRAIN_S", 0.01), ("_MOST_DRAIN_BYTES", 1000)])
async def test_an_interruption_ends_also_where_the_sender_goes_on_and_on(
    monkeypatch: pytest.MonkeyPatch, name: str, least: float
):
    monkeypatch.setattr(intake_module, name, least)
    async with Intake(aiter(Counted()), most=100) as intake:
        intake.interrupt()
        while await intake.take():
            pass
        assert await intake.take() == []


async def test_a_break_after_an_interruption_is_no_news():
    async with Intake(broken(b"kept")) as intake:
        await turn()
        intake.interrupt()
        assert await intake.take() == [b"kept"]
        assert await intake.take() == []


async def test_leaving_stops_the_reading():
    body = Halting(b"x")
    async with Intake(aiter(body)) as intake:
        await body.halts.wait()
    body.goes_on.set()
    assert await intake.take() == [b"x"]
    assert intake._task is not None
    assert intake._task.cancelled()
