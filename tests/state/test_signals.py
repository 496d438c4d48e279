"""Signals inside a process, and which channels its ear hears."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cimaise.state import signals
from cimaise.state.base import MISSED
from cimaise.state.local import LocalState
from cimaise.state.redis import RedisState
from cimaise.state.signals import Listeners

LIMIT_S = 20


def test_one_slow_listener_misses_messages_and_the_others_do_not():
    listeners = Listeners()
    with (
        listeners.added("a") as first,
        listeners.added("a") as second,
        listeners.added("a") as third,
    ):
        queues = [first, second, third]
        for number in range(signals._QUEUE):
            listeners.tell("a", str(number))
        in_order = list(listeners._queues["a"])
        for queue in in_order[1:]:
            while not queue.empty():
                queue.get_nowait()
        listeners.tell("a", "last")
        assert [queue.get_nowait() for queue in in_order] == [MISSED, "last", "last"]
        assert all(queue.empty() for queue in queues)


class Ear:
    """A connection that hears: it says when it was asked for channels, and answers when told."""

    def __init__(self) -> None:
        self.channels: list[str] = []
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.listens = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    async def subscribe(self, *channels: str) -> None:
        self.channels += channels
        self.asked.set()
        await self.answers.wait()

    async def get_message(self, *, timeout: float) -> None:  # noqa: ASYNC109 (the client's name)
        self.listens.set()
        await asyncio.Event().wait()


async def test_a_channel_that_is_subscribed_while_the_connection_is_made_is_heard(tmp_path: Path):
    state: Any = RedisState("redis://127.0.0.1:1", spare=LocalState(tmp_path))
    ear = Ear()
    state._redis.pubsub = lambda: ear
    async with AsyncExitStack() as stack, asyncio.timeout(LIMIT_S):
        await stack.enter_async_context(state.subscribe("first"))
        await ear.asked.wait()
        await stack.enter_async_context(state.subscribe("second"))
        ear.answers.set()
        await ear.listens.wait()
    assert ear.channels == ["cimaise:first", "cimaise:second"]
    await state.close()
