"""The plan that stored parts are, and which of them are whole."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import CimaiseError, Invalid, WrongState
from cimaise.storage.base import PartInfo
from cimaise.uploads.companion.plan import (
    PartPlan,
    likely_part_size,
    plan_of,
    planned,
    remembered_parts,
    require_part_numbers,
    whole_parts,
)
from cimaise.uploads.session import State, Strategy, UploadSession

NOW = datetime(2026, 3, 9, tzinfo=UTC)
MB = 1024 * 1024


def session(**more: Any) -> UploadSession:
    fields: dict[str, Any] = dict.fromkeys(UploadSession.__slots__)
    fields |= {
        "id": "u", "strategy": Strategy.MULTIPART, "state": State.PENDING, "attempt": 0,
        "reserved_bytes": 0, "received_bytes": 0, "part_size": 5 * MB, "created_at": NOW,
    }  # fmt: skip
    return UploadSession(**fields | more)


def stored(*sizes: int) -> list[PartInfo]:
    return [PartInfo(number, size, f"e{number}") for number, size in enumerate(sizes, 1)]


def claimed(parts: list[PartInfo]) -> dict[int, str]:
    return {part.part_number: part.etag for part in parts}


@given(st.integers(1, 50), st.integers(1, 40), st.data())
def test_equal_parts_and_a_last_one_are_a_plan(part_size: int, count: int, data: st.DataObject):
    last = data.draw(st.integers(1, part_size))
    parts = stored(*[part_size] * (count - 1), last)
    plan = plan_of(session(), parts, claimed(parts))
    first = part_size if count > 1 else last
    assert plan == PartPlan((count - 1) * part_size + last, first, count)
    remembered = remembered_parts(planned(session(), plan), "e")
    assert [part.size for part in remembered] == [part.size for part in parts]


@given(st.lists(st.integers(0, 5), max_size=6), st.sets(st.integers(1, 7)))
def test_any_parts_are_a_plan_or_a_refusal(sizes: list[int], numbers: set[int]):
    parts = stored(*sizes)
    try:
        plan = plan_of(session(), parts, {number: f"e{number}" for number in numbers})
    except CimaiseError as refusal:
        assert refusal.code in ("part_mismatch", "parts_required")
        return
    assert numbers == set(range(1, plan.part_count + 1))
    assert plan.size == sum(sizes[: plan.part_count])
    assert all(size == plan.part_size for size in sizes[: plan.part_count - 1])


def test_nothing_claimed_is_no_plan():
    with pytest.raises(Invalid):
        plan_of(session(), stored(5), {})


def test_a_told_length_binds_until_there_is_a_plan():
    parts = stored(5, 5, 2)
    assert plan_of(session(declared_size=12), parts, claimed(parts)).size == 12
    with pytest.raises(WrongState):
        plan_of(session(declared_size=13), parts, claimed(parts))
    again = session(declared_size=10, part_size=5, part_count=2)
    assert plan_of(again, parts, claimed(parts)).size == 12


@pytest.mark.parametrize(
    ("size", "expected"),
    [(None, 5 * MB), (1, 5 * MB), (50_000 * MB, 5 * MB), (50_000 * MB + 1, 5 * MB + 1)],
)
def test_the_likely_part_size_is_uppys(size: int | None, expected: int):
    assert likely_part_size(size) == expected


@pytest.mark.parametrize("numbers", [[], [0], [-1], [10_001], [1, 10_001]])
def test_numbers_that_no_part_has(numbers: list[int]):
    with pytest.raises(Invalid):
        require_part_numbers(numbers)


def test_a_short_part_counts_as_whole_only_where_that_is_known():
    short_last, broken = stored(5 * MB, 5 * MB, 7), stored(5 * MB, 7, 5 * MB)
    assert whole_parts(session(), short_last) == short_last[:2]
    assert whole_parts(session(), broken) == [broken[0], broken[2]]
    told = session(declared_size=10 * MB + 7)
    assert whole_parts(told, short_last) == short_last
    assert whole_parts(told, broken) == [broken[0], broken[2]]
    with_plan = replace(told, part_count=3)
    assert whole_parts(with_plan, short_last) == short_last
    assert whole_parts(with_plan, stored(5 * MB, 5 * MB, 8)) == short_last[:2]
    assert whole_parts(session(), stored(5 * MB)) == stored(5 * MB)
    assert whole_parts(session(), stored(3 * MB)) == []
    assert whole_parts(session(), []) == []
