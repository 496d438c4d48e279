"""Albums from the folders under ``albums/`` of the data directory."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from cimaise.access import policy as rights
from cimaise.access.policy import CollectionFacts, Principal, Visibility
from cimaise.albums.addresses import VariantSizes
from cimaise.albums.dates import from_mtime
from cimaise.albums.folder_albums import FolderAlbum, FolderAlbums
from cimaise.albums.folder_pictures import cover_url, is_shown, picture_of, readable
from cimaise.albums.folder_tree import FolderFile, FolderPicture, album_parts
from cimaise.albums.index import FolderIndex, Refreshed
from cimaise.albums.model import (
    AlbumFile,
    AlbumPage,
    AlbumSummary,
    Pagination,
    Picture,
    ScanReport,
    Sort,
    Wanted,
)
from cimaise.albums.paging import cut
from cimaise.albums.sources.base import LocalFiles
from cimaise.errors import NotFound, Unavailable
from cimaise.telemetry import log

T = TypeVar("T")
P = ParamSpec("P")
_NAME: Final = "folder"


class FolderSource:
    """Folders of pictures. Nobody owns them: private ones are for administrators.

    Headers are read for the requested page at once, for the rest of the album in the background;
    in the order of ``taken`` for all of it at once, the first time.
    """

    name: str = _NAME

    def __init__(self, albums_dir: Path, index: FolderIndex, *, max_width_px: int = 2560) -> None:
        self.files: LocalFiles | None = self
        self._albums = FolderAlbums(albums_dir)
        self._index = index
        self._sizes = VariantSizes(max_width_px)
        self._fresh: dict[str, int] = {}  # stamp of the content that the index knows, by album
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Semaphore(1)

    def may_have(self, album: str) -> bool:
        """Is it a name that leads to folders?"""
        return album_parts(album) is not None

    async def list_albums(self, principal: Principal) -> Sequence[AlbumSummary]:
        """See :class:`cimaise.albums.sources.base.Source`."""
        albums = await _in_thread(self._albums.all)
        unreadable = await self._index.unreadable()
        return [
            self._summary(album, unreadable.get(album.name, frozenset()))
            for album in albums
            if album.visibility is not Visibility.UNLISTED
            and rights.may_view(principal, _facts(album.visibility))
        ]

    async def open_album(self, principal: Principal, album: str, wanted: Wanted) -> AlbumPage:
        """See :class:`cimaise.albums.sources.base.Source`."""
        found = await _in_thread(self._albums.find, album)
        rights.require_view(principal, _facts(found.visibility))
        sort = wanted.sort or found.description.sort
        descending = wanted.is_descending(sort)
        pictures, pagination = await self._page(
            found, await self._in_order(found, sort, descending=descending), wanted
        )
        self._refresh_soon(found)
        return AlbumPage(
            found.name, found.title, found.visibility, _NAME, pictures, pagination, sort, descending
        )

    async def open_file(self, principal: Principal, album: str, file: str) -> AlbumFile:
        """See :class:`cimaise.albums.sources.base.LocalFiles`."""
        visibility, found = await _in_thread(self._albums.find_file, album, file)
        rights.require_view(principal, _facts(visibility))
        if found is None:
            raise NotFound("There is no such file.")
        return found

    async def scan(self) -> ScanReport:
        """Every folder, whoever may see it. Where ``albums/`` is away, nothing is forgotten."""
        albums = await _in_thread(self._albums.all)
        done = [await self._refresh(album) for album in albums]
        forgotten = await self._index.forget_others(album.name for album in albums) if albums else 0
        unreadable = await self._index.unreadable()
        shown = [
            len(readable(album.content.pictures, unreadable.get(album.name, ())))
            for album in albums
        ]
        return ScanReport(
            len(albums),
            sum(shown),
            sum(one.measured for one in done),
            sum(one.unreadable for one in done),
            sum(one.forgotten for one in done) + forgotten,
        )

    async def settled(self) -> None:
        """Wait until nothing runs in the background."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def close(self) -> None:
        """Stop what runs in the background; what was found so far is kept."""
        for task in self._tasks.values():
            task.cancel()
        await self.settled()
        await asyncio.to_thread(self._index.close)

    async def _in_order(
        self, album: FolderAlbum, sort: Sort, *, descending: bool
    ) -> list[FolderPicture]:
        unreadable = await self._index.unreadable(album.name)
        pictures = readable(album.content.pictures, unreadable.get(album.name, ()))
        if sort is Sort.NAME:
            return pictures[::-1] if descending else pictures
        if sort is Sort.DATE:
            pictures.sort(key=lambda picture: picture.file.mtime_ns, reverse=descending)
            return pictures
        files = [picture.file for picture in pictures]
        facts = await self._index.facts(album.name, album.path, files)
        pictures = [picture for picture in pictures if is_shown(picture, facts)]
        pictures.sort(
            key=lambda picture: (
                facts[picture.file.name].taken_at or from_mtime(picture.file.mtime_ns)
            ),
            reverse=descending,
        )
        return pictures

    async def _page(
        self, album: FolderAlbum, pictures: list[FolderPicture], wanted: Wanted
    ) -> tuple[tuple[Picture, ...], Pagination]:
        """The page; what turns out to be no picture makes room for the next one."""
        while True:
            shown, pagination = cut(pictures, page=wanted.page, limit=wanted.limit)
            files = [one.file for one in shown] + [one.thumb for one in shown if one.thumb]
            facts = await self._index.facts(album.name, album.path, files)
            refused = {one.file for one in shown if not is_shown(one, facts)}
            if not refused:
                return tuple(
                    picture_of(album, one, facts, self._sizes) for one in shown
                ), pagination
            pictures = [one for one in pictures if one.file not in refused]

    def _summary(self, album: FolderAlbum, unreadable: Collection[FolderFile]) -> AlbumSummary:
        pictures = readable(album.content.pictures, unreadable)
        return AlbumSummary(
            album.name, album.title, cover_url(album, pictures, unreadable, self._sizes),
            len(pictures), album.visibility, _NAME, from_mtime(album.content.changed_ns),
        )  # fmt: skip

    def _refresh_soon(self, album: FolderAlbum) -> None:
        if self._fresh.get(album.name) == album.content.stamp or album.name in self._tasks:
            return
        task = asyncio.create_task(self._refresh_quietly(album))
        self._tasks[album.name] = task
        task.add_done_callback(lambda _: self._tasks.pop(album.name, None))

    async def _refresh_quietly(self, album: FolderAlbum) -> None:
        try:
            async with self._one_at_a_time:
                await self._refresh(album)
        except Exception as fault:  # nobody waits for it; the next visitor tries again
            log("album_source_failed", level="error", fault=fault, source=_NAME, album=album.name)

    async def _refresh(self, album: FolderAlbum) -> Refreshed:
        done = await self._index.refresh(album.name, album.path, album.content.files)
        self._fresh[album.name] = album.content.stamp
        if done.measured or done.forgotten:
            log("album_index", album=album.name, measured=done.measured, forgotten=done.forgotten)
        return done


def _facts(visibility: Visibility) -> CollectionFacts:
    return CollectionFacts(owner_id="", visibility=visibility)


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as fault:
        raise Unavailable("The folders of the albums cannot be read.") from fault
