"""Photosets as albums, against a server that speaks Flickr's API."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.policy import GUEST, Visibility
from cimaise.albums.catalogue import Catalogue
from cimaise.albums.contract import album_json
from cimaise.albums.model import Sort, Wanted
from cimaise.albums.sources.flickr.answers import Answers
from cimaise.albums.sources.flickr.api import FlickrApi
from cimaise.albums.sources.flickr.breaker import Breaker
from cimaise.albums.sources.flickr.records import (
    is_static_url,
    read_licences,
    read_photos,
    read_sets,
)
from cimaise.albums.sources.flickr.source import FlickrSource
from cimaise.albums.sources.table import FlickrAccount, Needs, open_sources
from cimaise.errors import NotFound, Unavailable, UpstreamFailed, UpstreamTimedOut
from cimaise.state.table import open_state
from tests.kit.albums import MARCH_9, names, put
from tests.kit.flickr import KEY, STATIC, USER, Flickr, Photo, PhotoSet, flickr_server


@pytest.fixture
async def flickr() -> AsyncIterator[Flickr]:
    async with flickr_server() as server:
        server.sets = [
            PhotoSet("721", "Lakes", [Photo("1", "Morning", MARCH_9, MARCH_9), Photo("2")])
        ]
        yield server


class Ticks:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
async def state(tmp_path):
    opened = open_state("local:", data_dir=tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def new_source(flickr, database, clock, state, ticks):
    made = []

    def make(*, key: str = KEY, call_s: float = 5.0, first_wait_s: float = 5.0) -> FlickrSource:
        api = FlickrApi(url=flickr.url, api_key=key, user_id=USER, call_s=call_s)
        answers = Answers(database, clock, first_wait_s=first_wait_s)
        made.append(FlickrSource(api, answers, Breaker(ticks), state))
        return made[-1]

    yield make
    for source in made:
        await source.close()


@pytest.fixture
def source(new_source) -> FlickrSource:
    return new_source()


async def test_a_photoset_is_an_album_with_all_that_the_contract_wants(source, flickr):
    (album,) = await source.list_albums(GUEST)
    assert (album.name, album.title, album.count) == ("flickr:721", "Lakes", 2)
    assert (album.source, album.visibility) == ("flickr", Visibility.PUBLIC)
    assert album.cover == f"{STATIC}/65535/1_abc_n.jpg"
    page = await source.open_album(GUEST, "flickr:721", Wanted())
    image = album_json(page)["images"][0]
    assert image["src"] == f"{STATIC}/65535/1_abc_k.jpg"
    assert (image["bigWidth"], image["bigHeight"]) == (2048, 1536)
    assert (image["thumb"], image["thumbWidth"]) == (f"{STATIC}/65535/1_abc_n.jpg", 320)
    assert (image["alt"], image["date"]) == ("Morning", "March 9, 2026")
    assert image["takenAt"] == "2026-03-09T10:11:12Z"
    assert image["rights"] == "https://creativecommons.org/licenses/by/2.0/"
    assert image["attribution"] == "Anna of Lakes"
    assert image["sourceUrl"] == "https://www.flickr.com/photos/anna/1"
    assert f"{STATIC}/65535/1_abc_l.jpg 1024w" in image["srcset"]
    assert "takenAt" not in album_json(page)["images"][1]


async def test_five_hundred_pictures_cost_one_call(source, flickr):
    flickr.sets[0].photos = [Photo(str(number)) for number in range(1, 1251)]
    page = await source.open_album(GUEST, "flickr:721", Wanted(page=13, limit=100))
    assert (page.pagination.total, len(page.pictures)) == (1250, 50)
    await source.open_album(GUEST, "flickr:721", Wanted(page=2))
    assert flickr.methods() == [
        "photosets.getList", *["photosets.getPhotos"] * 3, "photos.licenses.getInfo",
    ]  # fmt: skip
    assert {call["per_page"] for call in flickr.calls if "per_page" in call} == {"500"}


async def test_what_is_private_and_what_moves_is_not_shown(source, flickr):
    flickr.sets[0].photos += [Photo("3", is_public=False), Photo("4", media="video")]
    page = await source.open_album(GUEST, "flickr:721", Wanted(sort=Sort.NAME))
    assert names(page) == ["1.jpg", "2.jpg"]


async def test_an_unchanged_set_is_asked_for_once_and_its_list_every_hour(source, flickr, clock):
    for _ in range(8):
        await source.open_album(GUEST, "flickr:721", Wanted())
        await source._answers.settled()
        clock.advance(20 * 60)
    assert flickr.methods().count("photosets.getPhotos") == 1
    assert flickr.methods().count("photosets.getList") == 3


async def test_what_is_old_is_shown_at_once_and_made_new_beside(source, flickr, clock):
    await source.open_album(GUEST, "flickr:721", Wanted())
    flickr.sets[0].photos.append(Photo("3"))
    flickr.sets[0].updated += 1
    clock.advance(2 * 3600)
    flickr.fault = "slow"
    page = await source.open_album(GUEST, "flickr:721", Wanted())
    assert page.pagination.total == 2
    flickr.fault = None
    flickr.gate.set()
    await source._answers.settled()
    page = await source.open_album(GUEST, "flickr:721", Wanted())
    assert page.pagination.total == 3


FAULTS = [105, 100, 2, 999, "500", "cut", "garbage", "other"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_of_a_flickr_that_fails_what_is_kept_is_shown_for_a_week(
    new_source, flickr, clock, fault
):
    await new_source().open_album(GUEST, "flickr:721", Wanted())
    flickr.fault = fault
    for _ in range(6):
        clock.advance(86_400)
        again = new_source()
        assert (await again.open_album(GUEST, "flickr:721", Wanted())).pagination.total == 2
        assert len(await again.list_albums(GUEST)) == 1
        await again._answers.settled()
    clock.advance(2 * 86_400)
    with pytest.raises((UpstreamFailed, UpstreamTimedOut)):
        await new_source().open_album(GUEST, "flickr:721", Wanted())


@pytest.mark.parametrize("fault", FAULTS)
async def test_of_a_flickr_that_never_answered_the_other_albums_are_shown(
    source, folders, root, flickr, fault
):
    flickr.fault = fault
    put(root, "a/1.jpg")
    catalogue = Catalogue([folders, source])
    assert [album.name for album in (await catalogue.list_albums(GUEST)).albums] == ["a"]
    assert names(await catalogue.open_album(GUEST, "a")) == ["1.jpg"]
    with pytest.raises((UpstreamFailed, NotFound)):
        await catalogue.open_album(GUEST, "flickr:721")
    with pytest.raises(NotFound):
        await catalogue.open_album(GUEST, "b")


async def test_nobody_waits_long_for_a_slow_flickr_and_its_answer_counts_for_the_next(
    new_source, folders, root, flickr
):
    put(root, "a/1.jpg")
    slow = new_source(first_wait_s=0.05)
    flickr.fault = "slow"
    catalogue = Catalogue([folders, slow])
    assert [album.name for album in (await catalogue.list_albums(GUEST)).albums] == ["a"]
    flickr.fault = None
    flickr.gate.set()
    await slow._answers.settled()
    found = {album.name for album in (await catalogue.list_albums(GUEST)).albums}
    assert found == {"a", "flickr:721"}
    assert flickr.methods() == ["photosets.getList"]


async def test_a_call_that_takes_too_long_is_given_up(new_source, flickr):
    flickr.fault = "slow"
    with pytest.raises(UpstreamTimedOut):
        await new_source(call_s=0.05).list_albums(GUEST)


@pytest.mark.parametrize("album", ["flickr:999", "flickr:", "flickr:x", "flickr:7/21", "lakes"])
async def test_a_set_that_is_not_the_account_s_is_missing(source, album):
    assert source.may_have(album) == (album == "flickr:999")
    with pytest.raises(NotFound):
        await source.open_album(GUEST, album, Wanted())


async def test_a_set_that_was_removed_there_is_removed_here(source, flickr, clock):
    await source.open_album(GUEST, "flickr:721", Wanted())
    flickr.sets = []
    for _ in range(2):
        clock.advance(2 * 3600)
        try:
            await source.open_album(GUEST, "flickr:721", Wanted())
        except NotFound:
            break
        await source._answers.settled()
    with pytest.raises(NotFound):
        await source.open_album(GUEST, "flickr:721", Wanted())


async def test_no_more_calls_are_made_than_flickr_allows(source, flickr, state):
    await state.hit("flickr", limit=60, window_s=60.0, amount=60)
    with pytest.raises(Unavailable) as refused:
        await source.list_albums(GUEST)
    assert refused.value.retry_after_s
    assert flickr.calls == []


async def test_who_fails_three_times_is_left_in_peace(source, flickr, ticks):
    flickr.fault = "500"
    for _ in range(3):
        with pytest.raises(UpstreamFailed):
            await source.list_albums(GUEST)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await source.list_albums(GUEST)
    assert len(flickr.calls) == 3
    ticks.now += 16
    flickr.fault = None
    assert len(await source.list_albums(GUEST)) == 1


def is_open(breaker: Breaker) -> bool:
    return breaker.is_open


def test_a_breaker_waits_longer_each_time_and_forgets_after_a_success(ticks):
    breaker = Breaker(ticks)
    for _ in range(3):
        breaker.require_closed()
        breaker.failed()
    pauses = []
    for _ in range(9):
        begun = ticks.now
        while is_open(breaker):
            ticks.now += 1
        pauses.append(ticks.now - begun)
        breaker.require_closed()
        assert is_open(breaker)  # for everybody else, while one is tried
        breaker.failed()
    assert pauses == [15, 30, 60, 120, 240, 480, 900, 900, 900]
    ticks.now += 1000
    breaker.require_closed()
    breaker.succeeded()
    breaker.require_closed()
    breaker.failed()
    breaker.require_closed()


async def test_the_key_is_in_no_error_and_in_no_log(new_source, flickr, caplog):
    flickr.fault = "cut"
    secret = "f" * 32
    with pytest.raises(UpstreamFailed) as refused:
        await new_source(key=secret).list_albums(GUEST)
    assert secret not in f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"


async def test_without_a_key_there_is_no_source_and_with_one_there_is(
    database, root, reader, state, flickr
):
    assert {one.name for one in open_sources(Needs(database, root, reader))} == {
        "folder", "collection",
    }  # fmt: skip
    account = FlickrAccount(flickr.url, KEY, USER)
    sources = open_sources(Needs(database, root, reader, flickr=account, state=state))
    assert [len(await one.list_albums(GUEST)) for one in sources if one.name == "flickr"] == [1]
    for one in sources:
        await one.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://live.staticflickr.com/1.jpg", "https://evil.example/1.jpg", "javascript:alert(1)",
        "https://live.staticflickr.com.evil.example/1.jpg", "https://evil@live.staticflickr.com/1",
        "https://live.staticflickr.com:444/1.jpg", "https://live.staticflickr.com/1.jpg x", "",
        "https://[", "https://evilstaticflickr.com/1.jpg", "//live.staticflickr.com/1.jpg",
    ],
)  # fmt: skip
def test_only_addresses_of_flickr_s_picture_servers_are_taken(url):
    assert not is_static_url(url)
    photo = {"id": "1", "url_m": url, "width_m": 5, "height_m": 5}
    assert read_photos({"photo": [photo]}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "photo", "photoset", "license", "title", "_content", "url_m",
                         "width_m", "height_m", "dateupload", "datetaken", "owner", "url"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["photo", "photoset", "license", "owner"]), JSON))
def test_any_answer_is_read_without_an_error(answer):
    read_photos(answer)
    read_sets(answer)
    read_licences(answer)


def test_missing_sizes_fall_back_to_the_largest_there_is():
    entry = {
        "id": "7", "ownername": "b", "license": 4, "dateupload": "1700000000",
        "url_s": f"{STATIC}/7_s.jpg", "width_s": 240, "height_s": 180,
        "url_t": f"{STATIC}/7_t.jpg", "width_t": "100", "height_t": "75",
    }  # fmt: skip
    (photo,) = read_photos({"owner": USER, "photo": [entry]})
    assert (photo.sizes[0].width, photo.owner, photo.licence) == (240, USER, "4")


async def test_the_order_is_that_of_the_other_sources(source, flickr):
    flickr.sets[0].photos = [
        Photo("1", uploaded=MARCH_9 - timedelta(days=2), taken=MARCH_9 - timedelta(days=1)),
        Photo("2", uploaded=MARCH_9, taken=MARCH_9 - timedelta(days=9)),
        Photo("3", uploaded=MARCH_9 - timedelta(days=1)),
    ]
    for sort, expected in ((Sort.DATE, "231"), (Sort.NAME, "123"), (Sort.TAKEN, "132")):
        page = await source.open_album(GUEST, "flickr:721", Wanted(sort=sort))
        assert "".join(name[0] for name in names(page)) == expected
