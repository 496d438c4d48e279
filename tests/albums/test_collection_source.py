from datetime import timedelta

import pytest
from sqlalchemy import update

from cimaise.access.policy import GUEST, Visibility
from cimaise.albums.model import Order, Sort, Wanted
from cimaise.albums.sources.collection import CollectionSource
from cimaise.database.schema import collections, files
from cimaise.errors import NotFound
from tests.kit.albums import ADMIN, MARCH_9, OWNER, STRANGER, VIEWER, names

PUBLIC, UNLISTED, PRIVATE = Visibility.PUBLIC, Visibility.UNLISTED, Visibility.PRIVATE


@pytest.fixture
def source(database):
    return CollectionSource(database)


async def ids(source, album, principal=GUEST, **wanted) -> list[str]:
    page = await source.open_album(principal, album, Wanted(**wanted))
    assert len(page.pictures) <= page.pagination.total
    return [picture.id or "" for picture in page.pictures]


async def test_a_published_picture_has_all_that_is_known_of_it(source, shelf):
    shelf.collection("trip", PUBLIC)
    shelf.publish("trip", "f1", title="Boats", placeholder="abc", taken_at=MARCH_9)
    page = await source.open_album(GUEST, "trip", Wanted())
    (picture,) = page.pictures
    assert (page.name, page.title, page.source) == ("trip", "Trip", "collection")
    assert picture.src == "/images/f1/original"
    assert picture.thumb == "/images/f1?width=500"
    assert (picture.thumb_width, picture.thumb_height) == (500, 333)
    assert [(one.url, one.width) for one in picture.renditions] == [
        (f"/images/f1?width={width}", width)
        for width in (260, 360, 500, 700, 960, 1340, 1840, 2048)
    ]
    assert (picture.id, picture.caption, picture.placeholder) == ("f1", "Boats", "abc")
    assert picture.dated_at == MARCH_9 + timedelta(minutes=1)
    assert picture.taken_at == MARCH_9


async def test_variants_can_be_signed(database, shelf):
    shelf.collection("trip", PUBLIC)
    shelf.publish("trip", "f1")
    source = CollectionSource(database, sign=lambda url: url + "&signature=s", max_width_px=400)
    (picture,) = (await source.open_album(GUEST, "trip", Wanted())).pictures
    assert picture.thumb == "/images/f1?width=400&signature=s"
    assert [one.url for one in picture.renditions] == [
        "/images/f1?width=260&signature=s",
        "/images/f1?width=360&signature=s",
        "/images/f1?width=400&signature=s",
    ]
    (album,) = await source.list_albums(GUEST)
    assert album.cover == "/images/f1?width=400&signature=s"


async def test_only_published_pictures_count(source, shelf):
    shelf.collection("trip", PUBLIC)
    shelf.publish("trip", "shown")
    shelf.publish("trip", "deleted", deleted_at=MARCH_9)
    shelf.publish("trip", "taken-down", taken_down_at=MARCH_9)
    shelf.publish("trip", "document", is_picture=False, width=None, height=None)
    page = await source.open_album(GUEST, "trip", Wanted())
    assert (names(page), page.pagination.total) == (["shown.jpg"], 1)
    (album,) = await source.list_albums(GUEST)
    assert album.cover == "/images/shown?width=500"


async def test_the_cover_is_one_that_can_be_drawn(source, shelf, database):
    shelf.collection("trip", PUBLIC)
    shelf.publish("trip", "old", placeholder="abc")
    shelf.publish("trip", "unknown")
    shelf.publish("trip", "broken", placeholder="")

    async def cover() -> str | None:
        (album,) = await source.list_albums(GUEST)
        return album.cover

    async def change(table, **values: object) -> None:
        await database.write(lambda connection: connection.execute(update(table).values(**values)))

    assert await cover() == "/images/unknown?width=500"
    await change(collections, cover_id="old")
    assert await cover() == "/images/old?width=500"
    await change(collections, cover_id="broken")
    assert await cover() == "/images/unknown?width=500"
    await change(files, placeholder="")
    assert await cover() is None


async def test_the_newest_comes_first_and_equal_dates_are_by_name(source, shelf):
    shelf.collection("trip", PUBLIC)
    for name in ("b", "C", "a", "é"):
        shelf.publish("trip", name, published_at=MARCH_9)
    shelf.publish("trip", "new", published_at=MARCH_9 + timedelta(seconds=1))
    assert await ids(source, "trip") == ["new", "C", "a", "b", "é"]
    assert await ids(source, "trip", order=Order.ASCENDING) == ["C", "a", "b", "é", "new"]
    assert await ids(source, "trip", sort=Sort.NAME) == ["C", "a", "b", "new", "é"]
    assert await ids(source, "trip", sort=Sort.NAME, order=Order.DESCENDING) == [
        "é", "new", "b", "a", "C",
    ]  # fmt: skip


async def test_what_no_camera_dated_lies_where_it_was_published(source, shelf):
    shelf.collection("trip", PUBLIC)
    shelf.publish("trip", "old", taken_at=MARCH_9 - timedelta(days=900))
    shelf.publish("trip", "undated")
    shelf.publish("trip", "later", taken_at=MARCH_9 + timedelta(days=9))
    assert await ids(source, "trip", sort=Sort.TAKEN) == ["later", "undated", "old"]


@pytest.mark.parametrize("sort", list(Sort))
async def test_all_pages_together_are_the_whole_album_once(source, shelf, sort):
    shelf.collection("trip", PUBLIC)
    for number in range(23):
        shelf.publish(
            "trip", f"f{number:02}", filename="same.jpg",
            published_at=MARCH_9 + timedelta(days=number // 7),
        )  # fmt: skip
    collected: list[str] = []
    for page in (1, 2, 3, 4, 5, 6):
        collected += await ids(source, "trip", page=page, limit=5, sort=sort)
    assert sorted(collected) == [f"f{number:02}" for number in range(23)]


async def test_past_the_end_there_are_no_pictures(source, shelf):
    shelf.collection("trip", PUBLIC)
    shelf.publish("trip", "f1")
    page = await source.open_album(GUEST, "trip", Wanted(page=10**9, limit=100))
    assert (page.pictures, page.pagination.total) == ((), 1)
    assert page.pagination.has_previous
    assert not page.pagination.has_next


async def test_who_may_see_which_collection(source, shelf):
    for visibility in Visibility:
        shelf.collection(visibility.value, visibility, viewers=(VIEWER.account_id,))
        shelf.publish(visibility.value, f"of-{visibility}")
    seen = {
        who.name: {album.name for album in await source.list_albums(who)}
        for who in (GUEST, STRANGER, VIEWER, OWNER, ADMIN)
    }
    assert seen == {
        "": {"public"}, "carl": {"public"}, "bert": {"public", "private"},
        "anna": {"public", "private"}, "root": {"public", "private"},
    }  # fmt: skip
    for who in (GUEST, STRANGER, VIEWER, OWNER, ADMIN):
        assert await ids(source, "unlisted", who) == ["of-unlisted"]
    for who in (VIEWER, OWNER, ADMIN):
        assert await ids(source, "private", who) == ["of-private"]
    for who in (GUEST, STRANGER):
        with pytest.raises(NotFound):
            await ids(source, "private", who)


async def test_files_with_a_visibility_of_their_own_keep_it(source, shelf):
    shelf.collection("trip", PUBLIC, viewers=(VIEWER.account_id,))
    shelf.publish("trip", "plain")
    shelf.publish("trip", "private", visibility=PRIVATE)
    shelf.publish("trip", "unlisted", visibility=UNLISTED)
    shelf.publish("trip", "mine", visibility=PRIVATE, owner_id=STRANGER.account_id)
    assert await ids(source, "trip") == await ids(source, "trip", VIEWER) == ["plain"]
    assert await ids(source, "trip", STRANGER) == ["mine", "plain"]
    for who in (OWNER, ADMIN):
        assert await ids(source, "trip", who) == ["mine", "unlisted", "private", "plain"]


async def test_the_list_shows_no_album_and_no_cover_of_hidden_pictures(source, shelf):
    shelf.collection("empty", PUBLIC)
    shelf.collection("hidden", PUBLIC)
    shelf.publish("hidden", "h", visibility=PRIVATE)
    shelf.collection("mixed", PUBLIC)
    shelf.publish("mixed", "shown")
    shelf.publish("mixed", "newer", visibility=PRIVATE)
    (album,) = await source.list_albums(GUEST)
    assert (album.name, album.cover) == ("mixed", "/images/shown?width=500")


async def test_a_missing_collection_is_not_found(source, shelf):
    with pytest.raises(NotFound):
        await source.open_album(GUEST, "absent", Wanted())


@pytest.mark.parametrize("name", ["", "A", "-a", "flickr:1", "a b", "a~b", "é", "a" * 101, "a\n"])
def test_other_forms_of_names_are_not_even_asked_for(source, name):
    assert not source.may_have(name)
