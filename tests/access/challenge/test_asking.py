import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cimaise.access.challenge.asking import Challenges
from cimaise.access.challenge.base import MAX_ANSWER_CHARS, Widget
from cimaise.access.challenge.table import open_challenge
from cimaise.errors import Forbidden
from cimaise.settings.sections import ChallengeSettings, knobs
from cimaise.state.base import State
from cimaise.state.table import open_state
from tests.conftest import StandingClock

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


class Riddle:
    """Knows one answer for each number: ``right 1`` solves number 1."""

    widget = Widget("riddle", "riddle")

    def offer(self) -> Mapping[str, Any]:
        return {}

    async def verify(self, answer: str, *, address: str) -> str | None:
        return answer if answer.startswith("right") else None


@pytest.fixture
async def states(tmp_path: Path) -> AsyncIterator[list[State]]:
    """Of two processes."""
    opened = [open_state("local:", data_dir=tmp_path) for _ in range(2)]
    yield opened
    for state in opened:
        await state.close()


def challenges(state: State) -> Challenges:
    return Challenges(Riddle(), state, after_failures=3, ttl_s=600)


async def test_a_solution_is_good_once_in_all_processes(states: list[State]):
    doors = [challenges(state) for state in states]
    tries = [doors[number % 2].require("right 1", address=HERE) for number in range(10)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert [one for one in outcomes if one is None] == [None]
    assert all(isinstance(one, Forbidden) for one in outcomes if one is not None)
    await doors[0].require("right 2", address=HERE)


@pytest.mark.parametrize("answer", [None, "", "wrong", "right" + "x" * MAX_ANSWER_CHARS])
async def test_no_answer_and_wrong_ones_are_refused(states: list[State], answer: str | None):
    with pytest.raises(Forbidden) as refused:
        await challenges(states[0]).require(answer, address=HERE)
    assert refused.value.code == "challenge_needed"


async def test_failures_from_an_address_or_at_a_name_ask_for_a_challenge(states: list[State]):
    here, there = [challenges(state) for state in states]
    for number in range(3):
        assert not await there.is_needed_to_sign_in(address=HERE, login="x")
        await here.note_failure(address=HERE, login=f"name {number}")
    assert await there.is_needed_to_sign_in(address=HERE, login="x")
    assert not await there.is_needed_to_sign_in(address=ELSEWHERE, login="x")
    for number in range(3):
        await here.note_failure(address=f"198.51.100.{number}", login="Maria ")
    assert await there.is_needed_to_sign_in(address=ELSEWHERE, login="maria")
    assert not await there.is_needed_to_sign_in(address="", login="")


async def test_where_none_is_set_nobody_is_asked(states: list[State]):
    off = Challenges(None, states[0], after_failures=1, ttl_s=600)
    await off.note_failure(address=HERE, login="x")
    assert not await off.is_needed_to_sign_in(address=HERE, login="x")
    await off.require(None, address=HERE)


def test_every_kind_that_can_be_set_can_be_opened(clock: StandingClock):
    (choices,) = [
        knob.choices
        for section, name, knob, _ in knobs()
        if (section, name) == ("challenge", "kind")
    ]
    for kind in choices:
        settings = ChallengeSettings(kind=kind, site_key="a", secret_key="b")
        opened = open_challenge(settings, secret=b"s" * 32, clock=clock, public_url="https://a.b")
        assert (opened is None) == (kind == "off")
        if opened is not None:
            assert opened.widget.kind == kind


@pytest.mark.parametrize("kind", ["turnstile", "hcaptcha", "recaptcha"])
def test_a_service_without_its_keys_is_a_fault_of_the_settings(clock: StandingClock, kind: str):
    with pytest.raises(ValueError, match="CIMAISE_CHALLENGE_SITE_KEY"):
        open_challenge(
            ChallengeSettings(kind=kind, site_key="a"),
            secret=b"s" * 32,
            clock=clock,
            public_url="x",
        )
