"""Every order in which things can happen to a response, up to six of them."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.middleware.safesend import (
    IncompleteResponse,
    LateSend,
    SafeSendMiddleware,
    UnsendableMessage,
)
from tests.kit.asgi import HandClock, LaxServer, body, http_scope, start, turn

LONGEST = 6
SENDS = ("start", "body", "end")
ONCE = ("raise", "cancel", "disconnect", "deadline")  # a second one changes nothing
ENDS = {"raise", "cancel"}  # what is sent behind these comes from a task that was left behind
PLANS = ("runs on", "stubborn", "obedient")


class Boom(Exception):
    """What the handler raises."""


def orders(length: int) -> Iterator[tuple[str, ...]]:
    """Every order of so many events that is not the same as a shorter one."""
    for order in itertools.product(SENDS + ONCE, repeat=length):
        if any(order.count(event) > 1 for event in ONCE):
            continue
        over = next((at for at, event in enumerate(order) if event in ENDS), length)
        if all(event in SENDS for event in order[over + 1 :]):
            yield order


@dataclass
class Run:
    """One order of events, and everything that came of it."""

    order: tuple[str, ...]
    length: int | None
    plan: str
    server: LaxServer = field(default_factory=LaxServer)
    clock: HandClock = field(default_factory=HandClock)
    late: list[LateSend] = field(default_factory=list)
    starts: int = 0
    ignored: int = 0
    refused: int = 0
    left: list[str] = field(default_factory=list)
    out: BaseException | None = None
    sent_in_time: int = 0

    def message(self, event: str) -> dict[str, Any]:
        """Bytes carry the number of the start that they belong to."""
        if event == "start":
            self.starts += 1
            return start(200, self.length)
        return body(str(self.starts).encode(), more=event == "body")

    async def send_one(self, send: Any, event: str) -> None:
        message = self.message(event)
        try:
            await send(message)
        except (IncompleteResponse, UnsendableMessage):
            self.refused += 1  # and the handler goes on as if nothing had been
            return
        self.ignored += not any(sent is message for sent in self.server.sent)

    async def step(self, event: str, receive: Any, send: Any) -> None:
        if event in SENDS:
            await self.send_one(send, event)
        elif event == "raise":
            raise Boom
        elif event == "cancel":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await turn()
        elif event == "disconnect":
            self.server.hang_up()
            await receive()
        else:
            self.clock.ring()
            try:
                await turn()
            except asyncio.CancelledError:
                if self.plan == "obedient":
                    raise

    async def handler(self, scope: Any, receive: Any, send: Any) -> None:
        self.late_send = send
        await receive()
        self.left = list(self.order)
        while self.left:
            await self.step(self.left.pop(0), receive, send)

    async def go(self) -> None:
        middleware = SafeSendMiddleware(
            self.handler,
            on_late=self.late.append,
            cancel=self.plan != "runs on",
            logger=None,
            clock=self.clock,
            call_later=self.clock.call_later,
        )
        call = middleware(http_scope(), self.server.receive, self.server.send)
        try:
            await asyncio.ensure_future(call)
        except (Exception, asyncio.CancelledError) as fault:
            self.out = fault
        self.sent_in_time = len(self.server.sent)
        for event in self.left:
            if event in SENDS:
                await self.send_one(self.late_send, event)

    def happened(self, event: str) -> bool:
        """It is in the order and the handler came to it."""
        return event in self.order and (event in SENDS or event not in self.left)

    def before(self, event: str, *others: str) -> bool:
        """It came before every one of the others."""
        if not self.happened(event):
            return False
        at = self.order.index(event)
        return not any(other in self.order[:at] for other in others)


def judge(run: Run) -> None:
    """At most one response, no clean end on a short body, one report per ignored message."""
    sent = run.server.sent
    types = [message["type"] for message in sent]
    ends = [at for at, message in enumerate(sent) if message.get("more_body") is False]
    assert types.count("http.response.start") == (1 if sent else 0)
    assert not sent or types[0] == "http.response.start"
    assert ends in ([], [len(sent) - 1])
    assert len(sent) == run.sent_in_time  # nothing of a task that was left behind
    timed_out = run.before("deadline", "start", "disconnect")
    judge_content(run, timed_out=timed_out, ended=bool(ends))
    assert len(run.late) == run.ignored
    if sent and not ends and not run.happened("disconnect"):
        assert run.out is not None  # the server is told to cut the connection
    judge_outcome(run, timed_out=timed_out)
    assert not any(timer.is_set for timer in run.clock.timers)


def judge_content(run: Run, *, timed_out: bool, ended: bool) -> None:
    content = run.server.content
    if timed_out:
        assert run.server.statuses == [503]
        assert run.happened("cancel") or ended
        return
    assert set(content) <= {ord("1")}  # nothing of a second response
    if run.length is not None:
        assert len(content) <= run.length
        assert not ended or len(content) == run.length


def judge_outcome(run: Run, *, timed_out: bool) -> None:
    expired = run.before("deadline", "start")
    if run.happened("cancel"):
        assert isinstance(run.out, asyncio.CancelledError)
    elif expired:
        assert run.out is None
    elif run.happened("raise"):
        assert isinstance(run.out, Boom)
    else:
        assert run.out is None or isinstance(run.out, IncompleteResponse)


@pytest.mark.slow
@pytest.mark.parametrize("length", [None, 2])
@pytest.mark.parametrize("plan", PLANS)
def test_no_order_of_events_gives_two_responses_or_a_clean_end_on_a_short_body(plan, length):
    async def all_of_them() -> int:
        tried = 0
        for size in range(LONGEST + 1):
            for order in orders(size):
                run = Run(order, length, plan)
                await run.go()
                try:
                    judge(run)
                except AssertionError as fault:
                    raise AssertionError(f"{order}: {run}") from fault
                tried += 1
        return tried

    assert asyncio.run(all_of_them()) > 10_000


@given(
    st.lists(st.sampled_from(SENDS + ONCE), max_size=14).map(tuple),
    st.none() | st.integers(0, 5),
    st.sampled_from(PLANS),
)
def test_longer_orders_hold_as_well(order, length, plan):
    once = [event for at, event in enumerate(order) if event in SENDS or event not in order[:at]]
    run = Run(tuple(once), length, plan)
    asyncio.run(run.go())
    judge(run)
