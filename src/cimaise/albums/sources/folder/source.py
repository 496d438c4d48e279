"""Albums from the folders under ``albums/`` of the data directory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from cimaise.access import policy as rights
from cimaise.access.policy import CollectionFacts, MemberRole, Principal, Visibility
from cimaise.albums.addresses import VariantSizes
from cimaise.albums.dates import from_mtime
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
from cimaise.albums.sources.base import LocalFiles, no_such_album
from cimaise.albums.sources.folder.albums import FolderAlbum, FolderAlbums, SeenFolder
from cimaise.albums.sources.folder.index import FolderIndex, Refreshed
from cimaise.albums.sources.folder.index_rows import AlbumStamp, Look
from cimaise.albums.sources.folder.order import FolderOrders, Ordered
from cimaise.albums.sources.folder.pictures import (
    cover_url,
    is_shown,
    picture_of,
    readable,
    taken_micros,
)
from cimaise.albums.sources.folder.tree import FolderFile, FolderPicture, album_parts
from cimaise.albums.sources.folder.watching import FolderWatch
from cimaise.errors import NotFound, Unavailable
from cimaise.state.base import State
from cimaise.tasks import Forever
from cimaise.telemetry import log

T = TypeVar("T")
P = ParamSpec("P")
_MadeOf = tuple[object, ...]
_NAME: Final = "folder"
_SCAN: Final = ""  # among the tasks; no album is called so
_TRUSTED: Final = timedelta(days=1)  # a look at a folder counts so long, while its time stays
_LEASE: Final = "folder-scan"
_LEASE_S: Final = 120.0  # for a process that dies meanwhile; a scan that takes longer is done twice
_SOME: Final = 1000  # files whose facts are held at the same time
_TRIES: Final = 3  # to show files as they are, in a folder in which they are being replaced


class FolderSource:
    """Folders of pictures. Nobody owns them: private ones are for administrators.

    Headers are read for the requested page at once, for the rest of the album in the background;
    in the order of ``taken`` for all of it at once, the first time.
    """

    name: str = _NAME

    def __init__(
        self,
        albums_dir: Path,
        index: FolderIndex,
        *,
        max_width_px: int = 2560,
        state: State | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.files: LocalFiles | None = self
        self._albums = FolderAlbums(albums_dir)
        self._index = index
        self._state = state
        self._clock = clock
        self._sizes = VariantSizes(max_width_px)
        self._orders = FolderOrders()
        self._covers: dict[str, tuple[_MadeOf, AlbumSummary]] = {}
        self._no_pictures: dict[str, frozenset[FolderFile]] = {}  # as last seen, by album
        self._fresh: dict[str, str] = {}  # stamp of the content that the index knows, by album
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Semaphore(1)
        self._keeping_up = Forever("folders", self._keep_up)

    async def start(self) -> None:
        """Bring the index up to date and keep it so, in the background."""
        self._keeping_up.start()

    def may_have(self, album: str) -> bool:
        """Is it a name that leads to folders?"""
        return album_parts(album) is not None

    async def list_albums(self, principal: Principal) -> Sequence[AlbumSummary]:
        """See :class:`cimaise.albums.sources.base.Source`."""
        albums = await _in_thread(self._albums.all)
        blanks = await self._index.blanks()
        none: frozenset[FolderFile] = frozenset()
        return [
            self._summary(
                album,
                blanks.unreadable.get(album.name, none),
                blanks.undrawable.get(album.name, none),
            )
            for album in albums
            if album.visibility is not Visibility.UNLISTED
            and rights.may_view(principal, _facts_of(principal, album))
        ]

    async def open_album(self, principal: Principal, album: str, wanted: Wanted) -> AlbumPage:
        """See :class:`cimaise.albums.sources.base.Source`."""
        for _ in range(_TRIES):
            found = await _in_thread(self._albums.find, album)
            if not rights.may_view(principal, _facts_of(principal, found)):
                raise no_such_album()
            page, files = await self._page(found, wanted)
            if await _in_thread(self._albums.look_at, album, files):
                break
        self._refresh_soon(found)
        return page

    async def open_file(self, principal: Principal, album: str, file: str) -> AlbumFile:
        """See :class:`cimaise.albums.sources.base.LocalFiles`."""
        held = await _in_thread(self._albums.find_file, album, file)
        facts = _facts(principal, album, held.visibility, held.members)
        if held.file is None or not rights.may_view(principal, facts):
            raise NotFound("There is no such file.")
        return held.file

    async def facts(self, principal: Principal, album: str) -> CollectionFacts:
        """See :class:`cimaise.albums.sources.base.Source`."""
        return _facts_of(principal, await _in_thread(self._albums.find, album))

    async def faults(self) -> Mapping[str, str]:
        """See :class:`cimaise.albums.sources.base.LocalFiles`."""
        return await _in_thread(self._albums.faults)

    async def scan(self, *, every_file: bool = False) -> ScanReport:
        """See :class:`cimaise.albums.sources.base.LocalFiles`.

        Where ``albums/`` is away, nothing is forgotten.
        """
        known, now = await self._index.stamps(), self._clock()

        def is_known(album: str, mtime_ns: int) -> bool:
            look = known[album].look if album in known else None
            is_late = look is None or now - look.at > _TRUSTED
            return not (every_file or is_late) and look is not None and look.mtime_ns == mtime_ns

        folders = await _in_thread(self._albums.seen, is_known)
        done = [await self._scanned(folder, known, now) for folder in folders]
        await self._index.keep_looks(_new_looks(folders, known, now))
        gone = bool(folders) and bool(known.keys() - {folder.name for folder in folders})
        forgotten = await self._index.forget_others(one.name for one in folders) if gone else 0
        return ScanReport(
            len(folders),
            sum(one.pictures for one in done),
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
        await self._keeping_up.stop()
        running = list(self._tasks.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.to_thread(self._index.close)

    async def _page(
        self, album: FolderAlbum, wanted: Wanted
    ) -> tuple[AlbumPage, Sequence[FolderFile]]:
        """The page, and the files that are on it.

        What turns out to be no picture makes room for the next one.
        """
        refused: frozenset[FolderFile] = frozenset()
        no_picture, is_asked = self._no_pictures.get(album.name, refused), False
        while True:
            ordered = await self._ordered(album, wanted, no_picture | refused)
            start = ordered.start_after(wanted.after) if wanted.after else wanted.start
            shown = ordered.pictures[start : start + wanted.limit]
            files = [one.file for one in shown] + [one.thumb for one in shown if one.thumb]
            facts, found = await self._index.look_up(album.name, album.path, files)
            if found != no_picture and not is_asked:  # more is known now; once, for it may go on
                no_picture, is_asked = found, True
                self._no_pictures[album.name] = found
                continue
            refused_now = {one.file for one in shown if not is_shown(one, facts)}
            if not refused_now:
                pictures = tuple(picture_of(album, one, facts, self._sizes) for one in shown)
                return self._album_page(album, ordered, wanted, start, pictures), files
            refused |= refused_now

    def _album_page(
        self,
        album: FolderAlbum,
        ordered: Ordered,
        wanted: Wanted,
        start: int,
        pictures: tuple[Picture, ...],
    ) -> AlbumPage:
        page, total = wanted.after.page if wanted.after else wanted.page, len(ordered.pictures)
        end = start + len(pictures)
        has_more = bool(pictures) and end < total
        following = ordered.cursor(end - 1, page + 1) if has_more else None
        return AlbumPage(
            album.name, album.title, album.visibility, _NAME, pictures,
            Pagination(page, wanted.limit, total, following), ordered.sort, ordered.descending,
            fault=album.fault,
        )  # fmt: skip

    async def _ordered(
        self, album: FolderAlbum, wanted: Wanted, no_picture: frozenset[FolderFile]
    ) -> Ordered:
        """The album's pictures in the order that is wanted, without what is known to be none."""
        sort = wanted.after.sort if wanted.after else wanted.sort or album.description.sort
        if sort is Sort.PLACED:
            sort = Sort.DATE if album.description.sort is Sort.PLACED else album.description.sort
        descending = wanted.after.descending if wanted.after else wanted.is_descending(sort)
        place = (album.name, album.content, no_picture)
        found = self._orders.get(*place, sort=sort, descending=descending)
        if found is not None:
            return found
        taken = await self._taken(album, self._orders.pictures(*place))
        return self._orders.by_taken(*place, taken, descending=descending)

    async def _taken(
        self, album: FolderAlbum, pictures: Sequence[FolderPicture]
    ) -> list[int | None]:
        """What each is ordered by, see :meth:`FolderOrders.by_taken`; some are read at a time."""
        taken: list[int | None] = []
        for start in range(0, len(pictures), _SOME):
            files = [one.file for one in pictures[start : start + _SOME]]
            facts = await self._index.facts(album.name, album.path, files)
            taken += [taken_micros(file, facts.get(file.name)) for file in files]
        return taken

    def _summary(
        self,
        album: FolderAlbum,
        unreadable: frozenset[FolderFile],
        undrawable: frozenset[FolderFile],
    ) -> AlbumSummary:
        kept, made_of = self._covers.get(album.name), _made_of(album, unreadable, undrawable)
        if kept and kept[0] == made_of:
            return kept[1]
        pictures = readable(album.content.pictures, unreadable)
        made = AlbumSummary(
            album.name, album.title, cover_url(album, pictures, unreadable | undrawable, self._sizes),
            len(pictures), album.visibility, _NAME, from_mtime(album.content.changed_ns),
        )  # fmt: skip
        self._covers[album.name] = (made_of, made)
        return made

    def _refresh_soon(self, album: FolderAlbum) -> None:
        if self._fresh.get(album.name) == album.content.stamp or album.name in self._tasks:
            return
        self._start(album.name, self._refresh_quietly(album))

    def _start(self, name: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def _refresh_quietly(self, album: FolderAlbum) -> None:
        folder = SeenFolder(album.name, album.path, album.content, None)
        try:
            async with self._one_at_a_time:
                await self._scanned(folder, await self._index.stamps(), self._clock())
        except Exception as fault:  # nobody waits for it; the next visitor tries again
            log("album_source_failed", level="error", fault=fault, source=_NAME, album=album.name)

    async def _scanned(
        self, folder: SeenFolder, known: Mapping[str, AlbumStamp], now: datetime
    ) -> Refreshed:
        kept, content = known.get(folder.name), folder.content
        if kept is not None and (content is None or kept.stamp == content.stamp):
            self._fresh[folder.name] = kept.stamp
            return Refreshed(0, kept.unreadable, 0, kept.pictures)
        assert content is not None  # what is not known was looked at
        done = await self._index.refresh(folder.name, folder.path, content, _look(folder, now))
        self._fresh[folder.name] = content.stamp
        if done.measured or done.forgotten:
            log("album_index", album=folder.name, measured=done.measured, forgotten=done.forgotten)
        return done

    async def _keep_up(self) -> None:
        """Scan once the folders are watched; then look again wherever something changes."""
        watch = FolderWatch(self._albums.folders, self._albums.contents.watch)
        async with aclosing(watch.changes()) as changes:
            await anext(changes)  # what was there
            await anext(changes)  # the watch has begun, or cannot be had
            if _SCAN not in self._tasks:
                self._start(_SCAN, self._scan_quietly())
            async for changed in changes:
                self._albums.contents.forget(changed)
                for name in sorted(changed):
                    await self._look_again(name)

    async def _scan_quietly(self) -> None:
        """Of all processes one at a time: to the next ones hardly anything is left to do."""
        try:
            async with self._scan_lease(), self._one_at_a_time:
                await self.scan()
        except Exception as fault:  # an album that is opened is indexed all the same
            log("album_source_failed", level="error", fault=fault, source=_NAME)

    @asynccontextmanager
    async def _scan_lease(self) -> AsyncIterator[None]:
        """Wait for it; where processes share nothing there is none."""
        if self._state is None:
            yield
            return
        lease = await self._state.take_lease(_LEASE, ttl_s=_LEASE_S)
        while lease is None:
            await asyncio.sleep(1)
            lease = await self._state.take_lease(_LEASE, ttl_s=_LEASE_S)
        try:
            yield
        finally:
            await self._state.release_lease(lease)

    async def _look_again(self, name: str) -> None:
        try:
            self._refresh_soon(await _in_thread(self._albums.find, name))
        except NotFound:  # it is gone; of the index the next scan takes it out
            self._albums.forget(name)
            self._covers.pop(name, None)
            self._no_pictures.pop(name, None)
            self._fresh.pop(name, None)
        except Unavailable:  # closed: the next scan sees to it
            return


def _look(folder: SeenFolder, now: datetime) -> Look | None:
    return None if folder.mtime_ns is None else Look(folder.mtime_ns, now)


def _new_looks(
    folders: Sequence[SeenFolder], known: Mapping[str, AlbumStamp], now: datetime
) -> dict[str, Look]:
    """Looks at files that were all as the index knows them."""
    return {
        folder.name: look
        for folder in folders
        if folder.content is not None
        and (look := _look(folder, now)) is not None
        and folder.name in known
        and known[folder.name].stamp == folder.content.stamp
    }


def _made_of(album: FolderAlbum, *blanks: frozenset[FolderFile]) -> _MadeOf:
    """What decides how an album is listed, without its files: there may be many of them."""
    content = album.content
    return (
        content.stamp, content.changed_ns, album.description, album.title, album.visibility,
        *blanks,
    )  # fmt: skip


def _facts_of(principal: Principal, album: FolderAlbum) -> CollectionFacts:
    return _facts(principal, album.name, album.visibility, album.members)


def _facts(
    principal: Principal, album: str, visibility: Visibility, members: Collection[str]
) -> CollectionFacts:
    """Nobody owns a folder: administrators rule, and those whom its description names may look."""
    is_member = not principal.is_guest and principal.name in members
    role = MemberRole.VIEWER if is_member else None
    return CollectionFacts("", visibility, role, id=f"folder:{album}")


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as fault:
        raise Unavailable("The folders of the albums cannot be read.") from fault
