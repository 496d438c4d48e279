"""What every source of albums promises, asked of each: folders, collections, photosets.

An album ``lakes`` of seven pictures hangs in each of them; the pictures' dates are the same.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from cimaise.access.policy import GUEST, Visibility
from cimaise.albums.catalogue import Catalogue
from cimaise.albums.contract import album_json
from cimaise.albums.model import AlbumPage, Order, Sort, Wanted
from cimaise.albums.sources.base import Source
from cimaise.albums.sources.collection import CollectionSource
from cimaise.albums.sources.table import FlickrAccount, Needs, open_sources
from cimaise.errors import CimaiseError, NotFound
from cimaise.state.table import open_state
from tests.kit.albums import MARCH_9, names, put
from tests.kit.flickr import KEY, USER, Flickr, Photo, PhotoSet, flickr_server

SOURCES = ("folder", "collection", "flickr")
HUNG = [  # name, days before March 9 on which it was published and taken
    ("1", 3, 1), ("2", 0, 9), ("3", 3, None), ("4", 1, 8), ("5", 2, 2), ("6", 3, 3), ("7", 9, 0),
]  # fmt: skip
CONTRACT = (
    "src", "thumb", "alt", "date", "bigWidth", "bigHeight", "thumbWidth", "thumbHeight",
)  # fmt: skip


def before(days: int) -> datetime:
    return MARCH_9 - timedelta(days=days)


@dataclass
class Hung:
    """A source with the album, by its name there; ``fall`` makes the source fail."""

    source: Source
    album: str
    fall: Callable[[], object]


@pytest.fixture
async def sources(database, root, reader, tmp_path, shelf) -> AsyncIterator[dict[str, Hung]]:
    state = open_state("local:", data_dir=tmp_path)
    async with flickr_server() as flickr:
        _hang_folder(root)
        _hang_collection(shelf)
        _hang_flickr(flickr)
        account = FlickrAccount(flickr.url, KEY, USER)
        needs = Needs(database, root, reader, flickr=account, state=state)
        opened = {one.name: one for one in open_sources(needs)}
        assert tuple(opened) == SOURCES
        faults = {
            "folder": lambda: root.rename(root.with_name("away")),
            "collection": lambda: setattr(opened["collection"], "_database", None),
            "flickr": lambda: setattr(flickr, "fault", "500"),
        }
        albums = {"folder": "lakes", "collection": "sea", "flickr": "flickr:721"}
        yield {name: Hung(opened[name], albums[name], faults[name]) for name in SOURCES}
        for one in opened.values():
            await one.close()
    await state.close()


def _hang_folder(root) -> None:
    for name, days, taken in HUNG:
        when = "" if taken is None else f" {before(taken).isoformat()}"
        put(root, f"lakes/{name}.jpg", f"2048x1365{when}", at=before(days))


def _hang_collection(shelf) -> None:
    shelf.collection("sea", Visibility.PUBLIC)
    for name, days, taken in HUNG:
        when = None if taken is None else before(taken)
        shelf.publish("sea", name, published_at=before(days), taken_at=when)


def _hang_flickr(flickr: Flickr) -> None:
    photos = [
        Photo(name, uploaded=before(days), taken=None if taken is None else before(taken))
        for name, days, taken in HUNG
    ]
    flickr.sets = [PhotoSet("721", "Lakes", photos)]


@pytest.fixture(params=SOURCES)
def hung(request, sources) -> Hung:
    return sources[request.param]


async def opened(hung: Hung, **wanted) -> AlbumPage:
    return await hung.source.open_album(GUEST, hung.album, Wanted(**wanted))


async def test_the_album_is_in_the_list_with_cover_and_count(hung):
    (album,) = await hung.source.list_albums(GUEST)
    assert (album.name, album.count, album.source) == (hung.album, 7, hung.source.name)
    assert album.visibility is Visibility.PUBLIC
    assert album.title
    assert album.cover
    assert hung.source.may_have(album.name)


async def test_every_picture_has_what_the_contract_asks_for(hung):
    answer = album_json(await opened(hung))
    for image in answer["images"]:
        assert tuple(image)[:8] == CONTRACT
        assert all(image[name] > 0 for name in CONTRACT[4:])
        assert image["src"].startswith(("/", "https://"))
        assert image["thumbWidth"] <= image["bigWidth"]
        assert image["alt"].startswith("Gallery: ")
        assert {"id", "name", "width", "height", "srcset", "dateTime"} <= set(image)
    assert answer["images"][0]["date"] == "March 9, 2026"


@pytest.mark.parametrize(
    ("sort", "order", "expected"),
    [
        (None, None, "2451367"), (Sort.DATE, None, "2451367"), (Sort.DATE, Order.ASCENDING, "7136542"),
        (Sort.NAME, None, "1234567"), (Sort.NAME, Order.DESCENDING, "7654321"),
        (Sort.TAKEN, None, "7153642"), (Sort.TAKEN, Order.ASCENDING, "2436517"),
    ],
)  # fmt: skip
async def test_orders_are_the_same_everywhere(hung, sort, order, expected):
    page = await opened(hung, sort=sort, order=order)
    assert "".join(name[0] for name in names(page)) == expected


@pytest.mark.parametrize("sort", [None, *Sort])
async def test_pages_by_number_and_by_cursor_are_the_whole_album_once(hung, sort):
    whole = names(await opened(hung, sort=sort))
    by_number: list[str] = []
    by_cursor: list[str] = []
    wanted = Wanted(limit=3, sort=sort)
    for number in (1, 2, 3):
        page = await opened(hung, page=number, limit=3, sort=sort)
        assert (page.pagination.total, page.pagination.page) == (7, number)
        assert page.pagination.has_next == (number < 3) == (page.pagination.next is not None)
        by_number += names(page)
        turned = await hung.source.open_album(GUEST, hung.album, wanted)
        by_cursor += names(turned)
        if turned.pagination.next:
            wanted = Wanted(limit=3, after=turned.pagination.next)
    assert by_number == by_cursor == whole


async def test_past_the_end_there_is_nothing_and_no_error(hung):
    page = await opened(hung, page=99)
    assert (page.pictures, page.pagination.total, page.pagination.next) == ((), 7, None)


async def test_an_album_that_is_not_there_is_missing(hung):
    for name in ("absent", "flickr:1", "", "..", "a/b", "x" * 5000):
        with pytest.raises(NotFound):
            await hung.source.open_album(GUEST, name, Wanted())


async def test_all_of_them_are_mixed_in_one_list(sources):
    catalogue = Catalogue([one.source for one in sources.values()])
    listed = await catalogue.list_albums(GUEST)
    assert {album.source for album in listed.albums} == set(SOURCES)
    for album in listed.albums:
        assert (await catalogue.open_album(GUEST, album.name)).pagination.total == 7


@pytest.mark.parametrize("down", SOURCES)
async def test_one_that_is_down_leaves_the_others_untouched(sources, down):
    sources[down].fall()
    catalogue = Catalogue([one.source for one in sources.values()])
    listed = await catalogue.list_albums(GUEST)
    assert {album.source for album in listed.albums} == set(SOURCES) - {down}
    for name, one in sources.items():
        if name == down:
            with pytest.raises(CimaiseError):
                await catalogue.open_album(GUEST, one.album)
        else:
            assert (await catalogue.open_album(GUEST, one.album)).pagination.total == 7


async def test_nothing_is_left_running_when_it_is_closed(hung):
    await hung.source.start()
    await opened(hung)
    await hung.source.close()


def test_collections_need_no_file_of_this_machine(database):
    assert CollectionSource(database).files is None
