"""The photosets of a Flickr account as albums."""

import re
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from cimaise.access.policy import CollectionFacts, Principal, Visibility
from cimaise.albums.model import (
    AlbumPage,
    AlbumSummary,
    Cursor,
    Pagination,
    Picture,
    Rendition,
    Sort,
    Wanted,
)
from cimaise.albums.sources.base import LocalFiles, no_such_album
from cimaise.albums.sources.flickr.answers import Answers
from cimaise.albums.sources.flickr.api import FlickrApi
from cimaise.albums.sources.flickr.breaker import Breaker
from cimaise.albums.sources.flickr.records import (
    Photo,
    PhotoSet,
    SetPhotos,
    read_licences,
    read_pages,
    read_photos,
    read_sets,
    thumb_of,
)
from cimaise.errors import CimaiseError, NotFound, Unavailable
from cimaise.state.base import State

T = TypeVar("T")
Licences = dict[str, tuple[str, str]]
_NAME: Final = "flickr"
_ALBUM: Final = re.compile(r"flickr:([0-9]{1,24})", re.ASCII)
_HOUR_S: Final = 3600.0
_PHOTOS_S: Final = 900.0
_LICENCES_S: Final = 7 * 86400.0
_BURST: Final = 60  # calls at once, and one a second after them: Flickr allows 3,600 an hour
_MOST_PAGES: Final = 100


class FlickrSource:
    """Public photosets. Flickr is asked as rarely as can be, and its absence hurts nobody else.

    The list is an hour old at most, a set a quarter of an hour, where Flickr answers; else both
    stay as they were, for a week. A set that has not changed since is not asked for again.
    """

    name: str = _NAME

    def __init__(self, api: FlickrApi, answers: Answers, breaker: Breaker, state: State) -> None:
        self.files: LocalFiles | None = None
        self._api = api
        self._answers = answers
        self._breaker = breaker
        self._state = state

    def may_have(self, album: str) -> bool:
        """Is it the name of a photoset?"""
        return _ALBUM.fullmatch(album) is not None

    async def list_albums(self, principal: Principal) -> Sequence[AlbumSummary]:  # noqa: ARG002
        """See :class:`cimaise.albums.sources.base.Source`."""
        return [
            AlbumSummary(
                f"flickr:{one.id}", one.title, one.cover, one.count, Visibility.PUBLIC, _NAME,
                _moment(one.updated_s),
            )
            for one in await self._sets()
        ]  # fmt: skip

    async def open_album(
        self,
        principal: Principal,  # noqa: ARG002
        album: str,
        wanted: Wanted,
    ) -> AlbumPage:
        """See :class:`cimaise.albums.sources.base.Source`."""
        found = _ALBUM.fullmatch(album)
        if found is None:
            raise no_such_album()
        held = await self._photos(found[1])
        licences = await self._licences()
        sort = wanted.after.sort if wanted.after else wanted.sort or Sort.DATE
        descending = wanted.after.descending if wanted.after else wanted.is_descending(sort)
        photos = _in_order(held.photos, sort, descending=descending)
        start = _start(photos, wanted, sort)
        shown = photos[start : start + wanted.limit]
        page, end = wanted.after.page if wanted.after else wanted.page, start + len(shown)
        has_more = bool(shown) and end < len(photos)
        following = _cursor(shown[-1], sort, page + 1, descending=descending) if has_more else None
        return AlbumPage(
            album, held.title, Visibility.PUBLIC, _NAME,
            tuple(_picture(photo, licences) for photo in shown),
            Pagination(page, wanted.limit, len(photos), following), sort, descending,
        )  # fmt: skip

    async def facts(self, principal: Principal, album: str) -> CollectionFacts:  # noqa: ARG002
        """See :class:`cimaise.albums.sources.base.Source`; nobody here rules over a photoset."""
        found = _ALBUM.fullmatch(album)
        if found is None or all(one.id != found[1] for one in await self._sets()):
            raise no_such_album()
        return CollectionFacts("", Visibility.PUBLIC)

    async def start(self) -> None:
        """Nothing: the first visitor asks."""

    async def close(self) -> None:
        """Give up what is being fetched."""
        await self._answers.close()
        await self._api.close()

    async def _sets(self, *, may_be_old: bool = True) -> Sequence[PhotoSet]:
        async def fetch(_old: list[PhotoSet] | None) -> list[PhotoSet]:
            first = await self._call(lambda: self._api.sets(1))
            found = read_sets(first)
            for page in range(2, min(read_pages(first), _MOST_PAGES) + 1):
                found += read_sets(await self._call(lambda page=page: self._api.sets(page)))  # type: ignore[misc]
            return found

        return await self._answers.get(
            "flickr sets", list[PhotoSet], fetch, fresh_s=_HOUR_S, may_be_old=may_be_old
        )

    async def _photos(self, number: str) -> SetPhotos:
        async def fetch(old: SetPhotos | None) -> SetPhotos:
            sets = await self._sets(may_be_old=False)
            listed = next((one for one in sets if one.id == number), None)
            if listed is None:
                raise no_such_album()
            if old is not None and 0 < listed.updated_s == old.updated_s:
                return old
            return await self._fetch_photos(listed)

        return await self._answers.get(f"flickr set {number}", SetPhotos, fetch, fresh_s=_PHOTOS_S)

    async def _fetch_photos(self, listed: PhotoSet) -> SetPhotos:
        """One call for 500 pictures."""
        first = await self._call(lambda: self._api.photos(listed.id, 1))
        found = read_photos(first)
        for page in range(2, min(read_pages(first), _MOST_PAGES) + 1):
            answer = await self._call(lambda page=page: self._api.photos(listed.id, page))  # type: ignore[misc]
            found += read_photos(answer)
        return SetPhotos(listed.title, listed.updated_s, tuple(found))

    async def _licences(self) -> Licences:
        async def fetch(_old: Licences | None) -> Licences:
            return read_licences(await self._call(self._api.licences))

        try:
            return await self._answers.get("flickr licences", Licences, fetch, fresh_s=_LICENCES_S)
        except CimaiseError:  # better without a licence's name than without the pictures
            return {}

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        """A call within the rate that all processes share, if Flickr has not failed of late."""
        self._breaker.require_closed()
        try:
            await self._require_rate()
            answer = await call()
        except NotFound:  # that is an answer too
            self._breaker.succeeded()
            raise
        except Unavailable:
            self._breaker.gave_up()
            raise
        except CimaiseError:
            self._breaker.failed()
            raise
        except BaseException:
            self._breaker.gave_up()
            raise
        self._breaker.succeeded()
        return answer

    async def _require_rate(self) -> None:
        rate = await self._state.hit("flickr", limit=_BURST, window_s=float(_BURST))
        if not rate.is_allowed:
            wait_s = round(rate.retry_after_s) + 1
            raise Unavailable("Flickr is asked too often.", retry_after_s=wait_s)


def _in_order(photos: Sequence[Photo], sort: Sort, *, descending: bool) -> list[Photo]:
    by_name = sorted(photos, key=_name, reverse=descending and sort is Sort.NAME)
    if sort is Sort.NAME:
        return by_name
    return sorted(by_name, key=lambda photo: _key(photo, sort), reverse=descending)


def _start(photos: Sequence[Photo], wanted: Wanted, sort: Sort) -> int:
    cursor = wanted.after
    if cursor is None:
        return wanted.start

    def is_after(photo: Photo) -> bool:
        name, key = _name(photo), _key(photo, sort)
        if key != cursor.key:
            return key < cursor.key if cursor.descending else key > cursor.key
        is_backwards = cursor.descending and sort is Sort.NAME
        return name < cursor.name if is_backwards else name > cursor.name

    return bisect_left(range(len(photos)), 1, key=lambda at: int(is_after(photos[at])))


def _cursor(photo: Photo, sort: Sort, page: int, *, descending: bool) -> Cursor:
    return Cursor(sort, descending, _key(photo, sort), _name(photo), page)


def _key(photo: Photo, sort: Sort) -> int:
    if sort is Sort.NAME:
        return 0
    if sort is Sort.TAKEN and photo.taken_s is not None:
        return photo.taken_s
    return photo.uploaded_s


def _name(photo: Photo) -> str:
    return f"{photo.id}.jpg"


def _picture(photo: Photo, licences: Licences) -> Picture:
    largest, thumb = photo.sizes[0], thumb_of(photo.sizes)
    licence, url = licences.get(photo.licence, ("", ""))
    return Picture(
        name=_name(photo),
        src=largest.url,
        thumb=thumb.url,
        caption=photo.title,
        dated_at=_moment(photo.uploaded_s),
        width=largest.width,
        height=largest.height,
        thumb_width=thumb.width,
        thumb_height=thumb.height,
        id=photo.id,
        renditions=tuple(Rendition(one.url, one.width) for one in reversed(photo.sizes)),
        taken_at=None if photo.taken_s is None else _moment(photo.taken_s),
        rights=url or licence or None,
        attribution=photo.owner_name or None,
        source_url=photo.page_url,
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
