import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.albums.model import Order, Pagination, Sort, Wanted
from cimaise.albums.paging import cut, parse_limit, parse_order, parse_page, parse_sort
from cimaise.errors import Invalid

REFUSED = [
    "", "0", "-1", "x", "1.0", "1e3", " 1", "1 ", "+1", "01", "1_0", "٣", "1\n", "9" * 10,
    "9" * 5000, "0x1", "null",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_page_is_refused_by_name(text):
    with pytest.raises(Invalid) as caught:
        parse_page(text)
    assert caught.value.field == "page"


@pytest.mark.parametrize("text", [*REFUSED, "101"])
def test_what_is_no_limit_is_refused_by_name(text):
    with pytest.raises(Invalid) as caught:
        parse_limit(text)
    assert caught.value.field == "limit"


def test_what_is_absent_has_a_default():
    assert (parse_page(None), parse_limit(None), parse_sort(None), parse_order(None)) == (
        1, 20, None, None,
    )  # fmt: skip


def test_the_last_allowed_values_are_allowed():
    assert parse_page("1000000000") == 10**9
    assert parse_limit("100") == 100


@pytest.mark.parametrize("text", ["", "DATE", "size", "date,name", "name "])
def test_an_unknown_sort_is_refused_by_name(text):
    with pytest.raises(Invalid) as caught:
        parse_sort(text)
    assert caught.value.field == "sort"


@pytest.mark.parametrize("text", ["", "ASC", "up", "descending"])
def test_an_unknown_order_is_refused_by_name(text):
    with pytest.raises(Invalid) as caught:
        parse_order(text)
    assert caught.value.field == "order"


def test_names_ascend_and_dates_descend_unless_told_otherwise():
    assert not Wanted().is_descending(Sort.NAME)
    assert Wanted().is_descending(Sort.DATE)
    assert Wanted().is_descending(Sort.TAKEN)
    assert Wanted(order=Order.DESCENDING).is_descending(Sort.NAME)
    assert not Wanted(order=Order.ASCENDING).is_descending(Sort.DATE)


@given(st.lists(st.integers(), max_size=300), st.integers(1, 100))
def test_all_pages_together_are_the_whole_and_the_numbers_say_where_it_ends(entries, limit):
    collected: list[int] = []
    page = 1
    while True:
        some, pagination = cut(entries, page=page, limit=limit)
        assert pagination.total == len(entries)
        assert pagination.has_previous == (page > 1)
        collected += some
        if not pagination.has_next:
            break
        assert len(some) == limit
        page += 1
    assert collected == entries
    assert page == max(1, pagination.total_pages)


@given(st.integers(0, 10**6), st.integers(1, 100))
def test_there_are_as_many_pages_as_are_needed(total, limit):
    pages = Pagination(1, limit, total).total_pages
    assert (pages - 1) * limit < total <= pages * limit or pages == total == 0


def test_past_the_end_there_is_nothing_but_a_way_back():
    some, pagination = cut([1, 2, 3], page=10**9, limit=20)
    assert some == ()
    assert (pagination.has_next, pagination.has_previous) == (False, True)
