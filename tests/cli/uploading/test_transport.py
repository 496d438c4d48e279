"""Requests that are tried again: when, how often, how long in between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.cli.uploading.transport import Transport, retry_after_s
from cimaise.errors import PreconditionFailed, UpstreamFailed

NOW = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
Step = tuple[int, dict[str, str]] | Exception


class Script:
    """In the place of a session: each request gives the next step."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.bodies: list[bytes] = []

    @asynccontextmanager
    async def request(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        data = options["data"]
        self.bodies.append(
            b"".join([c async for c in data]) if hasattr(data, "__aiter__") else data
        )
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        yield Reply(*step)


class Reply:
    """What a session gives."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.content = self

    async def read(self, _most: int) -> bytes:
        return b"{}"


class Rests:
    """Notes how long it should rest, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def patient(script: Any, rests: Rests, chance: Callable[[], float] = lambda: 1.0) -> Transport:
    return Transport(script, rest=rests, chance=chance, attempts=5)


async def send(transport: Transport, **more: Any) -> int:
    return (await transport.send("PUT", "http://a.example/x", headers={}, **more)).status


async def test_network_failures_and_faults_of_the_server_are_tried_again():
    script = Script(aiohttp.ClientConnectionError("cut"), (500, {}), TimeoutError(), (200, {}))
    rests = Rests()
    assert await send(patient(script, rests)) == 200
    assert rests.seconds == [0.5, 1.0, 2.0]


async def test_jitter_shortens_a_rest_to_half_at_most():
    script, rests = Script((503, {}), (200, {})), Rests()
    await send(patient(script, rests, lambda: 0.0))
    assert rests.seconds == [0.25]


async def test_it_rests_as_long_as_the_server_asks_but_no_more_than_five_minutes():
    asked = [(429, {"Retry-After": "7"}), (503, {"Retry-After": "86400"}), (200, {})]
    script, rests = Script(*asked), Rests()
    assert await send(patient(script, rests)) == 200
    assert rests.seconds == [7.0, 300.0]


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 409, 413, 422])
async def test_what_would_not_change_is_answered_at_once(status: int):
    script, rests = Script((status, {})), Rests()
    assert await send(patient(script, rests)) == status
    assert rests.seconds == []


async def test_after_the_last_attempt_the_answer_counts():
    script, rests = Script(*[(503, {})] * 5), Rests()
    assert await send(patient(script, rests)) == 503
    assert len(rests.seconds) == 4


async def test_after_the_last_attempt_silence_is_an_error_that_names_the_host():
    script = Script(*[TimeoutError()] * 5)
    with pytest.raises(UpstreamFailed, match=r"a\.example cannot be reached: no answer in time"):
        await send(patient(script, Rests()))


async def test_a_body_begins_again_for_every_attempt():
    async def body() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"c"

    script = Script((500, {}), (200, {}))
    await send(patient(script, Rests()), body=body)
    assert script.bodies == [b"abc", b"abc"]


async def test_what_is_asked_before_each_attempt_can_end_it():
    calls = []

    def before() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise PreconditionFailed("changed")

    script = Script(aiohttp.ClientConnectionError("cut"), (200, {}))
    with pytest.raises(PreconditionFailed):
        await send(patient(script, Rests()), before_each=before)
    assert len(script.bodies) == 1


async def test_a_body_that_stalls_is_given_up_and_tried_again():
    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        if not script.bodies:
            script.bodies.append(b"stalled")
            await asyncio.Event().wait()

    script = Script((200, {}))
    assert await send(patient(script, Rests()), body=body, wait_s=0.02) == 200
    assert script.bodies == [b"stalled", b"a"]


def test_retry_after_may_be_a_date():
    assert retry_after_s(format_datetime(NOW + timedelta(seconds=90), usegmt=True), NOW) == 90
    assert retry_after_s("Mon, 09 Mar 2026 10:11:13 -0000", NOW) == 1
    assert retry_after_s(format_datetime(NOW - timedelta(seconds=90), usegmt=True), NOW) == 0


@given(st.text() | st.from_regex(r"\A\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [A-Z+-]\w+\Z"))
def test_any_retry_after_is_a_number_of_seconds(text: str):
    assert retry_after_s(text, NOW) >= 0
