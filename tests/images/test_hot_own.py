"""Answers for one: kept by all that was asked with, for a moment, and until anything changes."""

import pytest

from cimaise.images.keeping.hot_own import TTL_S, Headers, OwnAnswers

TARGET = b"/images/a?width=10"
MINE: Headers = [(b"host", b"x"), (b"authorization", b"Bearer one")]
HEADERS = [(b"etag", b'"v1"'), (b"content-length", b"4")]


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def answers(seconds: Seconds) -> OwnAnswers:
    return OwnAnswers(clock=seconds)


def put(answers: OwnAnswers, *, lasts_s: float = 3600.0, changes: int | None = None) -> str:
    key = answers.key_of(TARGET, MINE)
    assert key is not None
    answers.put(
        key,
        HEADERS,
        b"body",
        route="r",
        account_id="ann",
        lasts_s=lasts_s,
        changes=answers.changes if changes is None else changes,
    )
    return key


def test_it_is_given_for_half_a_second(answers: OwnAnswers, seconds: Seconds):
    key = put(answers)
    found = answers.get(key)
    assert found is not None
    assert (found.body, found.account_id, found.etag) == (b"body", "ann", b'"v1"')
    seconds.now += TTL_S
    assert answers.get(key) is None


def test_it_ends_with_what_allowed_it(answers: OwnAnswers, seconds: Seconds):
    key = put(answers, lasts_s=0.2)
    seconds.now += 0.19
    assert answers.get(key) is not None
    seconds.now += 0.01
    assert answers.get(key) is None


@pytest.mark.parametrize("lasts_s", [0.0, -1.0])
def test_what_has_ended_already_is_not_kept(answers: OwnAnswers, lasts_s: float):
    assert answers.get(put(answers, lasts_s=lasts_s)) is None


def test_any_change_ends_all_of_it(answers: OwnAnswers):
    key = put(answers)
    answers.change()
    assert answers.get(key) is None


def test_what_was_looked_up_before_a_change_is_not_kept_after_it(answers: OwnAnswers):
    before = answers.changes
    answers.change()
    assert answers.get(put(answers, changes=before)) is None


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"y"), (b"authorization", b"Bearer one")],
        [(b"host", b"x"), (b"authorization", b"Bearer two")],
        [(b"host", b"x"), (b"cookie", b"Bearer one")],
        [(b"host", b"x"), (b"authorization", b"Bearer one"), (b"cookie", b"a=b")],
        [(b"host", b"x"), (b"authorization", b"Bearer one"), (b"authorization", b"Bearer one")],
        [(b"host", b"x"), (b"authorization", b"Bearer one"), (b"accept", b"image/avif")],
        [(b"authorization", b"Bearer one")],
    ],
)
def test_whatever_differs_is_another_request(answers: OwnAnswers, headers: Headers):
    put(answers)
    key = answers.key_of(TARGET, headers)
    assert key is not None
    assert answers.get(key) is None
    other = answers.key_of(TARGET + b"0", MINE)
    assert other is not None
    assert answers.get(other) is None


def test_headers_that_decide_nothing_are_left_out(answers: OwnAnswers):
    assert answers.key_of(TARGET, [*MINE, (b"user-agent", b"x")]) == answers.key_of(TARGET, MINE)


def test_who_shows_nothing_has_nothing_of_his_own(answers: OwnAnswers):
    assert answers.key_of(TARGET, [(b"host", b"x")]) is None
    assert answers.key_of(TARGET + b"&link=abc", [(b"host", b"x")]) is not None


def test_no_credential_is_kept(answers: OwnAnswers):
    assert "one" not in put(answers)
    assert OwnAnswers().key_of(TARGET, MINE) != OwnAnswers().key_of(TARGET, MINE)
