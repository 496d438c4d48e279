"""A text that is dear to make is made once for all who ask within its time."""

import asyncio

import pytest

from cimaise.web.operation.kept_text import KeptText


class Maker:
    """Makes another text each time, once it is let."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.made = 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.fault: Exception | None = None

    async def __call__(self) -> bytes:
        self.made += 1
        number = self.made
        await self.may_go_on.wait()
        if self.fault is not None:
            raise self.fault
        return b"%d" % number

    def text(self, keep_s: float) -> KeptText:
        return KeptText(self, keep_s, clock=lambda: self.now_s)


async def test_it_is_the_same_until_its_time_is_over():
    maker = Maker()
    text = maker.text(1.0)
    assert [await text.get() for _ in range(3)] == [b"1"] * 3
    maker.now_s = 0.99
    assert await text.get() == b"1"
    maker.now_s = 1.0
    assert await text.get() == b"2"


async def test_without_a_time_it_is_made_for_each():
    maker = Maker()
    text = maker.text(0.0)
    assert [await text.get() for _ in range(3)] == [b"1", b"2", b"3"]


async def test_all_who_ask_while_it_is_made_get_that_one():
    maker = Maker()
    text = maker.text(0.0)
    maker.may_go_on.clear()
    asking = [asyncio.create_task(text.get()) for _ in range(50)]
    await asyncio.sleep(0)
    maker.may_go_on.set()
    assert await asyncio.gather(*asking) == [b"1"] * 50


async def test_whoever_goes_away_does_not_stop_it_for_others():
    maker = Maker()
    text = maker.text(1.0)
    maker.may_go_on.clear()
    leaver, other = asyncio.create_task(text.get()), asyncio.create_task(text.get())
    await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    maker.may_go_on.set()
    assert await other == b"1"
    assert leaver.cancelled()


async def test_a_failure_is_told_and_not_kept():
    maker = Maker()
    text = maker.text(1.0)
    maker.fault = RuntimeError("no")
    with pytest.raises(RuntimeError):
        await text.get()
    maker.fault = None
    assert await text.get() == b"2"
