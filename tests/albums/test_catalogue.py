from datetime import timedelta

import pytest

from cimaise.access.policy import GUEST, CollectionFacts, Visibility
from cimaise.albums.catalogue import Catalogue
from cimaise.albums.model import AlbumPage, AlbumSummary, Pagination, Sort, Wanted
from cimaise.albums.sources.base import LocalFiles, Source
from cimaise.albums.sources.table import Needs, open_sources
from cimaise.errors import Forbidden, NotFound, NotSignedIn, Unavailable, UpstreamFailed
from tests.kit.albums import ADMIN, MARCH_9, OWNER, put


class Shown:
    """A source in memory: albums by name; ``fault`` is raised instead, where there is one."""

    files: LocalFiles | None = None

    def __init__(self, name: str, *albums: str, fault: Exception | None = None, prefix: str = ""):
        self.name = name
        self._albums = albums
        self._fault = fault
        self._prefix = prefix
        self.is_started = self.is_closed = False

    def may_have(self, album):
        return album.startswith(self._prefix)

    async def list_albums(self, principal):
        if self._fault:
            raise self._fault
        return [
            AlbumSummary(
                name, name, None, 1, Visibility.PUBLIC, self.name,
                MARCH_9 - timedelta(days=int(name[-1]) if name[-1].isdigit() else 0),
            )
            for name in self._albums
        ]  # fmt: skip

    async def open_album(self, principal, album, wanted):
        if self._fault:
            raise self._fault
        if album not in self._albums:
            raise NotFound("There is no such album.")
        return AlbumPage(
            album, album, Visibility.PUBLIC, self.name, (), Pagination(wanted.page, wanted.limit, 0),
            Sort.DATE, True,
        )  # fmt: skip

    async def facts(self, principal, album):
        await self.open_album(principal, album, Wanted())
        return CollectionFacts("", Visibility.PUBLIC)

    async def start(self):
        self.is_started = True

    async def close(self):
        self.is_closed = True


FAULTS = [
    RuntimeError("boom"), OSError(5, "I/O"), TimeoutError(), KeyError("x"), MemoryError(),
    UpstreamFailed("Flickr failed."), NotSignedIn("odd"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_source_that_is_down_is_left_out_and_the_others_are_listed(fault, place, caplog):
    sources: list[Source] = [Shown("one", "a"), Shown("two", "b")]
    sources.insert(place, Shown("broken", "c", fault=fault))
    listed = await Catalogue(sources).list_albums(GUEST)
    assert [album.name for album in listed.albums] == ["a", "b"]
    assert listed.pagination.total == 2
    (record,) = caplog.records
    assert record.msg == "album_source_failed"
    assert record.fields == {"source": "broken"}


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_albums_of_other_sources_open_while_one_is_down(fault):
    catalogue = Catalogue([Shown("broken", fault=fault), Shown("one", "a")])
    assert (await catalogue.open_album(GUEST, "a")).source == "one"


async def test_an_album_that_only_the_broken_source_may_have_is_not_called_missing():
    with pytest.raises(Unavailable):
        await Catalogue([Shown("one"), Shown("broken", fault=OSError(5))]).open_album(GUEST, "a")
    with pytest.raises(UpstreamFailed):
        broken = Shown("broken", fault=UpstreamFailed("Flickr failed."))
        await Catalogue([broken, Shown("one")]).open_album(GUEST, "a")


async def test_a_broken_source_that_cannot_have_an_album_does_not_matter_for_it():
    broken = Shown("flickr", fault=OSError(5), prefix="flickr:")
    with pytest.raises(NotFound):
        await Catalogue([broken, Shown("one")]).open_album(GUEST, "a")


async def test_a_refusal_tells_more_than_a_failure():
    sources = [Shown("broken", fault=OSError(5)), Shown("closed", fault=Forbidden("No."))]
    with pytest.raises(Forbidden):
        await Catalogue(sources).open_album(GUEST, "a")


async def test_what_changed_last_comes_first_and_pages_hold_together():
    catalogue = Catalogue([Shown("one", "a2", "c1", "e3"), Shown("two", "b1", "d3")])
    collected = []
    for page in (1, 2, 3, 4):
        listed = await catalogue.list_albums(GUEST, page=page, limit=2)
        collected += [album.name for album in listed.albums]
        assert listed.pagination.has_next == (page < 3)
    assert collected == ["b1", "c1", "a2", "d3", "e3"]


async def test_of_two_albums_of_one_name_the_earlier_source_s_is_listed_and_opened():
    catalogue = Catalogue([Shown("one", "a"), Shown("two", "a", "b")])
    listed = await catalogue.list_albums(GUEST)
    assert [(album.name, album.source) for album in listed.albums] == [("a", "one"), ("b", "two")]
    assert (await catalogue.open_album(GUEST, "a")).source == "one"


async def test_a_closed_folder_does_not_hide_the_open_collection_of_its_name(
    catalogue, root, shelf
):
    put(root, "trip/1.jpg")
    put(root, "trip/album.toml", 'visibility = "private"')
    shelf.collection("trip", Visibility.PUBLIC)
    shelf.publish("trip", "f1")
    assert (await catalogue.open_album(GUEST, "trip")).source == "collection"
    assert [a.source for a in (await catalogue.list_albums(GUEST)).albums] == ["collection"]
    assert (await catalogue.open_album(ADMIN, "trip")).source == "folder"
    assert [a.source for a in (await catalogue.list_albums(ADMIN)).albums] == ["folder"]


async def test_what_is_wrong_with_albums_is_for_administrators(catalogue, root):
    put(root, "trip/1.jpg")
    put(root, "trip/album.toml", "title = 3")
    assert list(await catalogue.faults(ADMIN)) == ["trip"]
    for who, refusal in ((GUEST, NotSignedIn), (OWNER, Forbidden)):
        with pytest.raises(refusal):
            await catalogue.faults(who)
    broken = Shown("broken")
    broken.files = broken  # type: ignore[assignment]  # nothing of what it promises
    assert await Catalogue([broken]).faults(ADMIN) == {}


async def test_without_sources_there_is_nothing_and_nothing_fails():
    catalogue = Catalogue([])
    assert (await catalogue.list_albums(GUEST)).albums == ()
    assert (await catalogue.scan()).albums == 0
    for call in (catalogue.open_album(GUEST, "a"), catalogue.open_file(GUEST, "a", "b.jpg")):
        with pytest.raises(NotFound):
            await call


async def test_starting_and_closing_reach_every_source():
    sources = [Shown("one"), Shown("two")]
    catalogue = Catalogue(sources)
    await catalogue.start()
    assert all(source.is_started and not source.is_closed for source in sources)
    await catalogue.close()
    assert all(source.is_closed for source in sources)


async def test_the_table_opens_every_source(database, root, reader, shelf):
    put(root, "a/1.jpg")
    shelf.collection("b", Visibility.PUBLIC)
    shelf.publish("b", "f1")
    catalogue = Catalogue(open_sources(Needs(database, root, reader)))
    listed = await catalogue.list_albums(GUEST)
    assert {album.source for album in listed.albums} == {"folder", "collection"}
    await catalogue.close()
