"""What a source of albums promises."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from cimaise.access.policy import CollectionFacts, Principal
from cimaise.albums.model import AlbumFile, AlbumPage, AlbumSummary, ScanReport, Wanted
from cimaise.errors import NotFound


def no_such_album() -> NotFound:
    """The same words of every source, and for an album that somebody may not see."""
    return NotFound("There is no such album.")


class LocalFiles(Protocol):
    """What a source has besides whose files lie on this machine."""

    async def open_file(self, principal: Principal, album: str, file: str) -> AlbumFile:
        """Look at a file of an album.

        Raises:
            NotFound: No such album or file, nothing that is served, or nothing that the principal
                may see.
        """
        ...

    async def faults(self) -> Mapping[str, str]:
        """What is wrong with what albums say of themselves, by their names."""
        ...

    async def scan(self, *, every_file: bool = False) -> ScanReport:
        """Bring what is known of the files up to date. Cancelling keeps what was found so far.

        A folder whose own time of change is as it was is taken as known for a day; with
        ``every_file`` each file is looked at all the same.
        """
        ...


class Source(Protocol):
    """Albums of one kind. Any method may fail with any exception: the catalogue goes on.

    Attributes:
        name: As shown in the list: ``folder``, ``collection``, …
        files: The files on this machine; ``None`` for a source that has none.
    """

    name: str
    files: LocalFiles | None

    def may_have(self, album: str) -> bool:
        """Could an album be called so? By the form of the name alone, without looking."""
        ...

    async def list_albums(self, principal: Principal) -> Sequence[AlbumSummary]:
        """Public albums, and private ones that the principal may see; unlisted ones never."""
        ...

    async def open_album(self, principal: Principal, album: str, wanted: Wanted) -> AlbumPage:
        """One page of an album; its pictures are empty past the end.

        Raises:
            NotFound: The source has no such album, or none that the principal may see.
        """
        ...

    async def facts(self, principal: Principal, album: str) -> CollectionFacts:
        """What decides about rights in an album. Checks none. ``NotFound``."""
        ...

    async def start(self) -> None:
        """Begin what runs in the background for as long as the server does; may be left out."""
        ...

    async def close(self) -> None:
        """End what runs in the background."""
        ...
