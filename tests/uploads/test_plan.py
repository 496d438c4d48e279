import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Invalid
from cimaise.settings import Uploads
from cimaise.uploads.plan import MAX_PARTS, make_plan
from cimaise.uploads.session import Strategy

MB = 1024 * 1024
DEFAULTS = Uploads()


def test_exactly_fifty_megabytes_is_one_request_and_one_byte_more_is_parts():
    single = make_plan(50 * MB, strategy=None, part_size=None, settings=DEFAULTS)
    assert single.strategy is Strategy.SINGLE
    parts = make_plan(50 * MB + 1, strategy=None, part_size=None, settings=DEFAULTS)
    assert (parts.strategy, parts.part_size, parts.part_count) == (
        Strategy.MULTIPART,
        10 * MB,
        6,
    )


def test_parts_may_be_asked_for_where_one_request_would_do():
    plan = make_plan(12 * MB, strategy="multipart", part_size=5 * MB, settings=DEFAULTS)
    assert plan.part_count == 3


@pytest.mark.parametrize("part_size", [0, -1, 5 * MB - 1, 20 * MB + 1])
def test_a_part_size_out_of_bounds_is_refused(part_size: int):
    with pytest.raises(Invalid) as caught:
        make_plan(100 * MB, strategy=None, part_size=part_size, settings=DEFAULTS)
    assert caught.value.field == "part_size"


def test_single_above_its_limit_and_unknown_strategies_are_refused():
    for strategy, size in [("single", 50 * MB + 1), ("torrent", 1)]:
        with pytest.raises(Invalid) as caught:
            make_plan(size, strategy=strategy, part_size=None, settings=DEFAULTS)
        assert caught.value.field == "strategy"


@given(st.integers(1, 48 * 1024**4), st.none() | st.integers(5 * MB, 20 * MB))
def test_parts_cover_the_file_exactly_and_are_never_more_than_ten_thousand(
    size: int, part_size: int | None
):
    plan = make_plan(size, strategy="multipart", part_size=part_size, settings=DEFAULTS)
    assert plan.part_size is not None
    assert plan.part_count is not None
    assert 1 <= plan.part_count <= MAX_PARTS
    assert plan.part_size * (plan.part_count - 1) < size <= plan.part_size * plan.part_count
    assert plan.part_size >= 5 * MB
