"""A boundary is found where it stands, in memory of any kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.uploads.doors import finding
from cimaise.uploads.doors.finding import find, find_begun

WANTED = b"\r\n--ab"
BODIES = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"a", b"b", b"\r\n--a", WANTED, bytes(9)]))


@pytest.fixture(params=["memmem", "without memmem"], autouse=True)
def search(request, monkeypatch):
    """With the C library's search, and on a system that has none."""
    if request.param == "memmem":
        assert finding._memmem is not None
    else:
        monkeypatch.setattr(finding, "_memmem", None)


@pytest.mark.parametrize("kind", [bytes, bytearray])
@given(pieces=BODIES, start=st.integers(0, 8))
def test_it_is_found_first_of_all_or_not_at_all(kind, pieces, start):
    body = b"".join(pieces)[start:] or b"x"
    whole = memoryview(kind(b"\r\n--ab" + body + b"\r\n--ab"))
    assert find(whole[len(WANTED) : -len(WANTED)], WANTED) == body.find(WANTED)


@given(pieces=BODIES)
def test_a_beginning_at_the_end_is_the_longest_that_may_go_on(pieces):
    body = b"".join(pieces) or b"x"
    begun = [at for at in range(len(body)) if WANTED.startswith(body[at:])]
    assert find_begun(memoryview(body), WANTED) == (
        begun[0] if body[-6:] != WANTED and begun else -1
    )
