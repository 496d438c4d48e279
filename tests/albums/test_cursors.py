"""Pages by cursor: the same pictures as pages by number, and steady while others come and go."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.policy import GUEST, Visibility
from cimaise.albums.cursor import format_cursor, parse_cursor
from cimaise.albums.model import Cursor, Order, Sort, Wanted
from cimaise.albums.paging import agreed_cursor
from cimaise.albums.sources.collection import CollectionSource
from cimaise.errors import Invalid
from tests.kit.albums import MARCH_9, names, put

ORDERS = [(sort, order) for sort in Sort for order in Order]


@pytest.fixture(params=["folder", "collection"])
def filled(request, folders, root, database, shelf):
    """A source with an album ``x`` of 23 pictures, in pairs of equal dates."""
    if request.param == "folder":
        for number in range(23):
            taken = f" 20{20 - number // 3:02}-01-01T00:00:00+00:00" if number % 2 else ""
            put(root, f"x/{number:02}.jpg", f"8x8{taken}", at=MARCH_9 - timedelta(days=number // 2))
        return folders
    shelf.collection("x", Visibility.PUBLIC)
    for number in range(23):
        at = MARCH_9 - timedelta(days=999 * (number // 3)) if number % 2 else None
        shelf.publish(
            "x", f"{number:02}", taken_at=at, published_at=MARCH_9 - timedelta(days=number // 2)
        )
    return CollectionSource(database)


async def walk(source, sort, order, limit=4):
    found, wanted = [], Wanted(limit=limit, sort=sort, order=order)
    while True:
        page = await source.open_album(GUEST, "x", wanted)
        found.append(page)
        if page.pagination.next is None:
            return found
        wanted = Wanted(limit=limit, after=page.pagination.next)


@pytest.mark.parametrize(("sort", "order"), ORDERS)
async def test_cursors_lead_through_the_album_as_numbers_do(filled, sort, order):
    pages = await walk(filled, sort, order)
    for number, page in enumerate(pages, 1):
        wanted = Wanted(page=number, limit=4, sort=sort, order=order)
        by_number = await filled.open_album(GUEST, "x", wanted)
        assert names(page) == names(by_number)
        assert page.pagination == by_number.pagination
    assert [page.pagination.page for page in pages] == [1, 2, 3, 4, 5, 6]
    assert sum(len(page.pictures) for page in pages) == 23


@pytest.mark.parametrize(("sort", "order"), ORDERS)
async def test_a_picture_that_is_added_before_shifts_nothing(folders, root, sort, order):
    for number in range(10):
        put(root, f"x/m{number}.jpg", "8x8", at=MARCH_9 + timedelta(days=number))
    before = await folders.open_album(GUEST, "x", Wanted(limit=4, sort=sort, order=order))
    put(root, "x/a.jpg", "8x8", at=MARCH_9 - timedelta(days=99))
    put(root, "x/z.jpg", "8x8", at=MARCH_9 + timedelta(days=99))
    after = await folders.open_album(GUEST, "x", Wanted(limit=4, after=before.pagination.next))
    rest = sorted(f"m{number}.jpg" for number in range(10))
    rest = rest if names(before)[0] == "m0.jpg" else rest[::-1]
    assert names(before) + names(after) == rest[:8]


async def test_the_picture_behind_which_a_page_begins_may_be_gone(folders, root):
    for number in range(10):
        put(root, f"x/{number}.jpg", "8x8", at=MARCH_9)
    first = await folders.open_album(GUEST, "x", Wanted(limit=4))
    (root / "x" / "3.jpg").unlink()
    following = await folders.open_album(GUEST, "x", Wanted(limit=4, after=first.pagination.next))
    assert names(following) == ["4.jpg", "5.jpg", "6.jpg", "7.jpg"]


@given(
    st.builds(
        Cursor,
        sort=st.sampled_from(Sort),
        descending=st.booleans(),
        key=st.integers(-(2**63), 2**63),
        name=st.text(max_size=255),
        page=st.integers(1, 10**9),
        id=st.text(max_size=64),
    )
)
def test_a_cursor_comes_back_as_it_was(cursor):
    text = format_cursor(cursor)
    assert parse_cursor(text) == cursor
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")))
def test_any_other_text_is_refused(text):
    try:
        parse_cursor(text)
    except Invalid as refused:
        assert refused.field == "cursor"


@pytest.mark.parametrize("key", [2**62, -(2**62), 2**63 - 1])
async def test_a_forged_key_finds_nothing_and_breaks_nothing(filled, key):
    forged = Wanted(after=Cursor(Sort.DATE, True, key, "x", 2, "y"))
    try:
        await filled.open_album(GUEST, "x", forged)
    except Invalid as refused:
        assert refused.field == "cursor"


def test_another_order_beside_a_cursor_is_refused():
    cursor = Cursor(Sort.DATE, True, 1, "x", 2)
    assert agreed_cursor(cursor, None, None) is cursor
    assert agreed_cursor(cursor, Sort.DATE, Order.DESCENDING) is cursor
    for sort, order in ((Sort.NAME, None), (None, Order.ASCENDING)):
        with pytest.raises(Invalid):
            agreed_cursor(cursor, sort, order)
    with pytest.raises(Invalid):
        agreed_cursor(Cursor(Sort.DATE, True, 1, "x", 0), None, None)
