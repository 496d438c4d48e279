"""The order of use: a state machine against a plain model."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cimaise.images.keeping.usage import Usage

NAMES = st.sampled_from(["a/1", "a/2", "b/1", "c/1"])
SIZES = st.integers(1, 100)


class Uses(RuleBasedStateMachine):
    """``model`` is a plain list of name and size, the last used at the end."""

    def __init__(self):
        super().__init__()
        self.usage, self.now = Usage(), 0.0
        self.model: list[tuple[str, int]] = []

    def _without(self, *names: str) -> list[tuple[str, int]]:
        return [one for one in self.model if one[0] not in names]

    @rule(name=NAMES, size=SIZES)
    def note(self, name, size):
        self.now += 1
        self.usage.note(name, size, self.now)
        self.model = [*self._without(name), (name, size)]

    @rule(name=NAMES, size=SIZES)
    def write(self, name, size):
        self.now += 1
        self.usage.wrote(name, size, self.now)
        self.model = [*self._without(name), (name, size)]

    @rule(name=NAMES)
    def forget(self, name):
        self.usage.forget(name)
        self.model = self._without(name)

    @rule()
    def forget_a_source(self):
        self.usage.forget_all("a/")
        self.model = self._without("a/1", "a/2")

    @rule()
    def look_through(self):
        """The folder holds what is known, with older dates: the order stays."""
        self.usage.replace([(name, size, 0.0) for name, size in self.model], self.now + 1)

    @rule(most=st.integers(0, 300))
    def evict(self, most):
        while (name := self.usage.pop_oldest(most)) is not None:
            assert self.model.pop(0)[0] == name

        assert self.usage.size <= most or not self.model

    @invariant()
    def the_size_is_the_sum(self):
        assert self.usage.size == sum(size for _, size in self.model)


TestUses = Uses.TestCase


def test_a_file_that_another_process_used_later_goes_later():
    usage = Usage()
    usage.wrote("mine", 10, 100.0)
    usage.wrote("gone", 10, 50.0)
    usage.replace([("theirs", 10, 200.0), ("mine", 10, 100.0)], 150.0)
    assert usage.size == 20
    assert usage.pop_oldest(10) == "mine"


def test_what_was_used_since_the_look_through_began_is_kept():
    usage = Usage()
    usage.note("new", 10, 151.0)
    usage.replace([], 150.0)
    assert usage.size == 10


@given(st.lists(st.floats(0, 10_000), min_size=1, max_size=20))
def test_a_files_date_is_renewed_once_an_hour_at_most(pauses):
    usage, now, noted = Usage(), 10_000.0, 0.0
    for pause in pauses:
        now += pause
        should = now - noted > 3600
        assert usage.note("a", 1, now) is should
        noted = now if should else noted
