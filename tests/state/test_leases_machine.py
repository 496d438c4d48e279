"""Leases and places under any order of takings, renewals, returns and passing time."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cimaise.state.base import Lease
from cimaise.state.local.facts import Facts
from tests.kit.examples import examples

TTL_S = 10.0
seconds = st.floats(0, 2 * TTL_S)


class LeaseMachine(RuleBasedStateMachine):
    """Two openings of one file, against what a reader of the promise would expect."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1e9
        path = Path(self.folder.name) / "facts.db"
        self.openings = [Facts(path, lambda: self.now) for _ in range(2)]
        self.taken: list[Lease] = []
        self.until = -1.0
        self.returned = True
        self.places: dict[str, float] = {}

    @rule(which=st.integers(0, 1))
    def take(self, which: int) -> None:
        lease = self.openings[which].take_lease("x", TTL_S)
        assert (lease is not None) == (self.returned or self.until <= self.now)
        if lease is not None:
            assert all(lease.token > older.token for older in self.taken)
            self.taken.append(lease)
            self.until, self.returned = self.now + TTL_S, False

    @precondition(lambda self: self.taken)
    @rule(which=st.integers(0, 1), back=st.integers(0, 3))
    def renew(self, which: int, back: int) -> None:
        lease = self.taken[-1 - min(back, len(self.taken) - 1)]
        is_held = lease == self.taken[-1] and not self.returned and self.until > self.now
        assert self.openings[which].renew_lease(lease, TTL_S) == is_held
        if is_held:
            self.until = self.now + TTL_S

    @precondition(lambda self: self.taken)
    @rule(which=st.integers(0, 1), back=st.integers(0, 3))
    def release(self, which: int, back: int) -> None:
        lease = self.taken[-1 - min(back, len(self.taken) - 1)]
        self.openings[which].release_lease(lease)
        self.returned = self.returned or lease == self.taken[-1]

    @rule(which=st.integers(0, 1), ttl_s=st.floats(0.1, TTL_S))
    def enter(self, which: int, ttl_s: float) -> None:
        name = f"place {len(self.places)}"
        inside = sum(until > self.now for until in self.places.values())
        entered = self.openings[which].enter("x", name, 3, ttl_s)
        assert entered == (inside < 3)
        if entered:
            self.places[name] = self.now + ttl_s

    @precondition(lambda self: self.places)
    @rule(which=st.integers(0, 1), data=st.data())
    def leave(self, which: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.places)))
        self.openings[which].leave("x", name)
        self.places[name] = self.now

    @rule(passed_s=seconds)
    def time_passes(self, passed_s: float) -> None:
        self.now += passed_s

    @rule(back_s=st.floats(0, 1e6))
    def everything_is_lost(self, back_s: float) -> None:
        """The file too: tokens still grow, as long as the clock does."""
        self.now += back_s
        for table in ("leases", "fences", "places"):
            self.openings[0]._connection.execute(f"delete from {table}")
        self.returned = True
        self.now += 1.0
        self.places = dict.fromkeys(self.places, self.now)

    @rule()
    def tidy(self) -> None:
        self.openings[1].forget_ended()

    @invariant()
    def both_agree(self) -> None:
        counts = [
            opening._row("select count(*) from places where until > ?", self.now)
            for opening in self.openings
        ]
        assert counts[0] == counts[1]

    def teardown(self) -> None:
        for opening in self.openings:
            opening.close()
        self.folder.cleanup()


pytestmark = pytest.mark.slow
TestLeases = LeaseMachine.TestCase
TestLeases.settings = settings(max_examples=examples(60), stateful_step_count=30)
