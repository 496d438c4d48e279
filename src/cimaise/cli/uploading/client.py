"""One file from here to a server: begun or gone on with, sent, verified, published."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cimaise.cli.uploading.api import Api, Completed
from cimaise.cli.uploading.errand import Errand
from cimaise.cli.uploading.progress import Display
from cimaise.cli.uploading.records import Records, Ticket
from cimaise.cli.uploading.source import look_at
from cimaise.cli.uploading.transport import Transport
from cimaise.errors import Gone, Invalid, NotFound, PreconditionFailed, TypeNotAllowed

_LOST: Final = (Gone, Invalid, NotFound, TypeNotAllowed)
"""Refusals after which an upload cannot go on, only begin again."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of every file.

    Attributes:
        server: Base URL.
        collection: Its name.
        publish: Make it visible when it is there.
        title: Of the published file; empty: the server's choice.
        parallel: Parts sent at the same time.
        checksum: Compute the SHA-256 first, and have the server compare it.
    """

    server: str
    collection: str
    publish: bool = True
    title: str = ""
    parallel: int = 4
    checksum: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """An upload that succeeded; ``file_id`` and ``url`` of the file where it is published."""

    upload_id: str
    state: str
    size: int
    checksum_sha256: str | None
    file_id: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Uploader:
    """Sends files, one after another."""

    api: Api
    transport: Transport
    records: Records
    display: Display
    wishes: Wishes

    async def upload(self, path: Path) -> Outcome:
        """Send one file; what an earlier run sent of it is not sent again.

        Cancelled or killed, it leaves a record from which the next run goes on.

        Raises:
            PreconditionFailed: The file changed meanwhile; the upload is aborted.
            CimaiseError: What the server or the network refused for good.
        """
        source, wishes = look_at(path), self.wishes
        ticket = Ticket(wishes.server, wishes.collection, source, wishes.checksum)
        errand = Errand(
            api=self.api,
            transport=self.transport,
            records=self.records,
            display=self.display,
            ticket=ticket,
            parallel=wishes.parallel,
        )
        try:
            completed = await errand.run()
            outcome = await self._outcome(completed, source.size)
        except PreconditionFailed:
            await errand.give_up()
            raise
        except _LOST:
            self.records.forget(ticket)
            raise
        self.records.forget(ticket)
        return outcome

    async def _outcome(self, completed: Completed, size: int) -> Outcome:
        checksum = completed.checksum_sha256
        if not self.wishes.publish:
            return Outcome(completed.id, completed.state, size, checksum, completed.file_id)
        file = await self.api.publish(self.wishes.collection, completed.id, self.wishes.title)
        return Outcome(completed.id, "published", size, checksum, file.id, file.url)
