"""Full-resolution delivery: a file, what the request wants of it, and the right to see it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from cimaise import telemetry
from cimaise.access.links.links import Link, Links
from cimaise.access.policy import Principal, Visibility
from cimaise.errors import NotFound
from cimaise.library.files import Files
from cimaise.library.model import File
from cimaise.library.recent import RecentFiles
from cimaise.library.serving import Headers, serving_headers
from cimaise.library.serving_types import served_type
from cimaise.rfc.selection import Representation, Selection, Wanted, select
from cimaise.storage.base import Reading, Storage


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be seen, and what allowed it.

    Attributes:
        file: The record.
        link: The signed link, where one came with the request.
        by_grant: It was allowed at another origin of ours.
    """

    file: File
    link: Link | None = None
    by_grant: bool = False

    @property
    def by_link(self) -> bool:
        """A link or a grant allowed it: nobody else may keep the answer."""
        return self.link is not None or self.by_grant


@dataclass(frozen=True, slots=True)
class Delivery:
    """What to send of a file.

    Attributes:
        file: The record.
        what: Size, type and version.
        selection: Which bytes.
        headers: What belongs beside them.
        open: Opens ``[start, stop)``; ``NotFound`` where the bytes are missing.
        is_public: Every cache between here and anybody may keep it.
    """

    file: File
    what: Representation
    selection: Selection
    open: Callable[[int, int], AbstractAsyncContextManager[Reading]] = field(repr=False)
    headers: Headers = ()
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class Originals:
    """Delivers published files."""

    files: Files
    links: Links
    storage: Storage
    recent: RecentFiles = field(default_factory=RecentFiles)

    async def find(
        self,
        principal: Principal,
        file_id: str,
        *,
        link_token: str | None,
        is_granted: bool = False,
    ) -> Found:
        """The record, if the principal or the link may see it.

        Args:
            principal: Who asks.
            file_id: Which file.
            link_token: Of a signed link to it, where one came.
            is_granted: It was allowed at another origin of ours, and a signed grant says so.

        Raises:
            NotFound, TakenDown, NotSignedIn, Forbidden: See :meth:`Files.find`.
            Forbidden, Gone: The link is no good any more.
        """
        link = None
        if link_token is not None:
            link = await self.links.check(link_token, file_id)
        is_allowed = is_granted or link is not None
        is_anybody = principal.is_guest and not is_allowed
        kept = self.recent.get(file_id) if is_anybody else None
        if kept is not None:
            return Found(kept)
        changes = self.recent.changes()
        file = await self.files.find(principal, file_id, by_link=is_allowed)
        if is_anybody and is_public(file):
            self.recent.put(file, changes=changes)
        return Found(file, link, is_granted)

    async def deliver(
        self, found: Found, wanted: Wanted, *, download: bool, now: datetime
    ) -> Delivery:
        """Decide what is sent. Nothing is opened yet.

        Args:
            found: What :meth:`find` gave for this request.
            wanted: Method, conditions and range.
            download: As an attachment, where inline would be safe too.
            now: For dates in conditions.

        Raises:
            PreconditionFailed, RangeNotSatisfiable: See :func:`cimaise.rfc.selection.select`.
            Gone: ``spent``: the link has been used as often as it may.
            NotFound: ``file_missing`` for a record whose bytes are kept elsewhere.
        """
        file, link = found.file, found.link
        if file.storage_key is None:
            raise NotFound("This file is kept elsewhere.", code="file_missing")
        what = Representation(
            file.size, file.etag, served_type(file.content_type), file.published_at
        )
        selection = select(what, wanted, now=now)
        # of a limited link every answer with bytes counts, for any range could be most of the file
        if link is not None and selection.ranges and wanted.method != "HEAD":
            await self.links.use(link)
        attachment = download or (link is not None and link.download)
        for_all = is_public(file, by_link=found.by_link)
        headers = serving_headers(
            file.filename,
            file.content_type,
            is_public=for_all,
            attachment=attachment,
        )
        return Delivery(
            file, what, selection, self._opener(file, file.storage_key), headers, for_all
        )

    def open_checked(
        self, principal: Principal, file: File
    ) -> Callable[[int, int], AbstractAsyncContextManager[Reading]]:
        """An opener that asks once more, each time, whether the principal may see the file.

        For what goes on long after it was decided, such as an archive of many files. It raises
        what :meth:`find` does, and ``NotFound`` (``file_missing``) where the bytes are missing.
        """

        @asynccontextmanager
        async def opened(start: int, stop: int) -> AsyncIterator[Reading]:
            again = await self.files.find(principal, file.id)
            if again.storage_key is None or again.storage_key != file.storage_key:
                raise NotFound("The file is being replaced.")
            async with self._opener(again, again.storage_key)(start, stop) as reading:
                yield reading

        return opened

    def _opener(
        self, file: File, key: str
    ) -> Callable[[int, int], AbstractAsyncContextManager[Reading]]:
        @asynccontextmanager
        async def opened(start: int, stop: int) -> AsyncIterator[Reading]:
            async with AsyncExitStack() as stack:
                opening = self.storage.open(key, start=start, stop=stop)
                try:
                    reading = await stack.enter_async_context(opening)
                except NotFound as fault:
                    raise self._missing(file, "absent") from fault
                if reading.info.size != file.size:
                    raise self._missing(file, f"{reading.info.size} bytes, not {file.size}")
                yield reading

        return opened

    @staticmethod
    def _missing(file: File, found: str) -> NotFound:
        telemetry.log("file_missing", level="error", file=file.id, found=found)
        return NotFound("File missing", code="file_missing")


def is_public(file: File, *, by_link: bool = False) -> bool:
    """May every cache between here and anybody keep it?"""
    return not by_link and file.shown_visibility is Visibility.PUBLIC
