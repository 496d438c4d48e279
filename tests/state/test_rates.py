import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.state.base import Rate
from cimaise.state.rates import hit, require_rate

limits = st.integers(1, 50)
windows = st.sampled_from([0.5, 1.0, 60.0, 3600.0])
pauses = st.lists(st.floats(0, 2), min_size=1, max_size=80)


class Bucket:
    """A key, hit at times of its own."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit, self.window_s = limit, window_s
        self.arrival: float | None = None

    def hit(self, now_s: float, amount: int = 1) -> Rate:
        self.arrival, rate = hit(
            self.arrival, now_s=now_s, limit=self.limit, window_s=self.window_s, amount=amount
        )
        return rate


@given(limits, windows)
def test_as_many_as_the_limit_are_allowed_at_once_and_no_more(limit: int, window_s: float):
    bucket = Bucket(limit, window_s)
    rates = [bucket.hit(1000.0) for _ in range(limit + 3)]
    assert [rate.is_allowed for rate in rates] == [True] * limit + [False] * 3
    assert [rate.remaining for rate in rates] == [*range(limit - 1, -1, -1), 0, 0, 0]


@given(limits, windows, pauses)
def test_over_any_time_no_more_come_through_than_the_rule_says(
    limit: int, window_s: float, gaps: list[float]
):
    bucket = Bucket(limit, window_s)
    now, passed = 0.0, []
    for gap in gaps:
        now += gap * window_s
        if bucket.hit(now).is_allowed:
            passed.append(now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            time = passed[last] - passed[first]
            assert last - first + 1 <= limit + time * limit / window_s + 0.001


@given(limits, windows, pauses, st.integers(1, 5))
def test_after_the_time_to_retry_the_same_hit_is_allowed_and_not_before(
    limit: int, window_s: float, gaps: list[float], amount: int
):
    bucket = Bucket(limit, window_s)
    now, amount = 0.0, min(amount, limit)
    for gap in gaps:
        now += gap * window_s / limit
        rate = bucket.hit(now, amount)
        if not rate.is_allowed:
            early = now + rate.retry_after_s * 0.9 - 0.001
            assert early <= now or not bucket.hit(early, amount).is_allowed
            now += rate.retry_after_s
            assert bucket.hit(now, amount).is_allowed


@given(limits, windows)
def test_after_the_reset_everything_is_there_again(limit: int, window_s: float):
    bucket = Bucket(limit, window_s)
    for _ in range(limit):
        rate = bucket.hit(5.0)
    assert rate.resets_in_s == pytest.approx(window_s)
    assert bucket.hit(5.0 + rate.resets_in_s).remaining == limit - 1


@given(limits, windows, st.floats(1, 1e9))
def test_a_clock_that_is_set_back_locks_nobody_out_for_longer_than_a_window(
    limit: int, window_s: float, back_s: float
):
    bucket = Bucket(limit, window_s)
    bucket.hit(2e9)
    rate = bucket.hit(2e9 - back_s)
    assert rate.retry_after_s <= window_s / limit + 0.001


def test_a_hit_that_is_refused_costs_nothing():
    bucket = Bucket(2, 10.0)
    bucket.hit(0.0)
    bucket.hit(0.0)
    before = bucket.arrival
    assert not bucket.hit(1.0).is_allowed
    assert bucket.arrival == before


def test_an_amount_above_the_limit_is_never_allowed():
    assert not Bucket(3, 10.0).hit(0.0, 4).is_allowed


@pytest.mark.parametrize("bad", [(0, 1.0, 1), (1, 0.0, 1), (1, 1.0, 0), (-1, 1.0, 1)])
def test_what_is_not_positive_is_refused(bad: tuple[int, float, int]):
    with pytest.raises(ValueError, match="positive"):
        require_rate(*bad)
