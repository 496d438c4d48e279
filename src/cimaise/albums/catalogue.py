"""All albums of all sources. A source that fails is left out and never breaks the others."""

import asyncio
from collections.abc import Sequence
from dataclasses import astuple
from typing import Final

from cimaise.access.policy import CollectionFacts, Principal, require_admin
from cimaise.albums.model import (
    AlbumFile,
    AlbumList,
    AlbumPage,
    AlbumSummary,
    Cursor,
    Order,
    ScanReport,
    Sort,
    Wanted,
)
from cimaise.albums.paging import DEFAULT_LIMIT, cut
from cimaise.albums.sources.base import LocalFiles, Source, no_such_album
from cimaise.errors import CimaiseError, Forbidden, NotFound, NotSignedIn, Unavailable
from cimaise.telemetry import log

_REFUSALS: Final = (NotSignedIn, Forbidden)


class Catalogue:
    """Albums. Where two sources have one of the same name, the earlier source's is shown.

    ``page`` is from 1 and ``limit`` from 1 to 100: see :mod:`cimaise.albums.paging`.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)

    async def list_albums(
        self, principal: Principal, *, page: int = 1, limit: int = DEFAULT_LIMIT
    ) -> AlbumList:
        """Albums that the principal may find, the last changed first, name as second key.

        Never fails for a source's sake: one that fails is logged and left out.
        """
        found = await asyncio.gather(*(_listed(source, principal) for source in self._sources))
        by_name: dict[str, AlbumSummary] = {}
        for album in (album for albums in found for album in albums):
            by_name.setdefault(album.name, album)
        in_order = sorted(
            sorted(by_name.values(), key=lambda album: album.name),
            key=lambda album: album.changed_at,
            reverse=True,
        )
        return AlbumList(*cut(in_order, page=page, limit=limit))

    async def open_album(
        self,
        principal: Principal,
        name: str,
        *,
        page: int = 1,
        limit: int = DEFAULT_LIMIT,
        sort: Sort | None = None,
        order: Order | None = None,
        after: Cursor | None = None,
    ) -> AlbumPage:
        """One page of an album; without pictures past the end.

        ``after``, where it is given, says where the page begins, in its own order.

        Raises:
            NotFound: No source has such an album, or none that the principal may see.
            Unavailable: A source that may have it failed.
        """
        wanted = Wanted(page, limit, sort, order, after)
        kept: CimaiseError | None = None
        for source in self._sources:
            if not source.may_have(name):
                continue
            try:
                return await source.open_album(principal, name, wanted)
            except NotFound:
                continue
            except Exception as fault:
                kept = _weightier(kept, _ours(source, fault))
        raise kept or no_such_album()

    async def facts(self, principal: Principal, name: str) -> CollectionFacts:
        """What decides about rights in an album that the principal may see. ``NotFound`` etc."""
        source = (await self.open_album(principal, name, limit=1)).source
        holder = next(one for one in self._sources if one.name == source)
        return await holder.facts(principal, name)

    async def open_file(self, principal: Principal, album: str, file: str) -> AlbumFile:
        """Look at a file of a folder album, to be sent by the caller.

        Raises:
            NotFound: No such album or file, nothing that is served, or nothing that the principal
                may see.
        """
        for files in self._local():
            try:
                return await files.open_file(principal, album, file)
            except NotFound:
                continue
        raise NotFound("There is no such file.")

    async def faults(self, principal: Principal) -> dict[str, str]:
        """What is wrong with what albums say of themselves, by name; for administrators.

        Never fails for a source's sake, as :meth:`list_albums`.
        """
        require_admin(principal)
        found: dict[str, str] = {}
        for source in self._sources:
            try:
                found |= await source.files.faults() if source.files is not None else {}
            except Exception as fault:
                log("album_source_failed", level="error", fault=fault, source=source.name)
        return found

    async def scan(self, *, every_file: bool = False) -> ScanReport:
        """Bring what is known of the folder albums up to date, all of it at once.

        See :meth:`cimaise.albums.sources.base.LocalFiles.scan`.
        """
        reports = [astuple(await files.scan(every_file=every_file)) for files in self._local()]
        return ScanReport(*map(sum, zip(*reports, strict=True)))

    async def start(self) -> None:
        """Begin what runs in the background, in every source."""
        for source in self._sources:
            await source.start()

    async def close(self) -> None:
        """End what runs in the background, in every source."""
        for source in self._sources:
            await source.close()

    def _local(self) -> list[LocalFiles]:
        return [source.files for source in self._sources if source.files is not None]


async def _listed(source: Source, principal: Principal) -> Sequence[AlbumSummary]:
    try:
        return await source.list_albums(principal)
    except Exception as fault:  # whatever it is, the other albums are shown
        log("album_source_failed", level="error", fault=fault, source=source.name)
        return ()


def _ours(source: Source, fault: Exception) -> CimaiseError:
    if isinstance(fault, _REFUSALS):
        return fault
    log("album_source_failed", level="error", fault=fault, source=source.name)
    if isinstance(fault, CimaiseError):
        return fault
    return Unavailable("This album cannot be read now.")


def _weightier(kept: CimaiseError | None, new: CimaiseError) -> CimaiseError:
    """A refusal tells more than a failure; otherwise the first counts."""
    if kept is None or (isinstance(new, _REFUSALS) and not isinstance(kept, _REFUSALS)):
        return new
    return kept
