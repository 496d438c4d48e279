"""One file from here to a server: begun or gone on with, sent, verified, published."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cimaise.cli.uploading.api import Api, Completed, Session, refusal
from cimaise.cli.uploading.parts import RENEWALS, Meter, PartSender, send_slice
from cimaise.cli.uploading.progress import Display
from cimaise.cli.uploading.records import Record, Records, Ticket
from cimaise.cli.uploading.source import look_at, require_unchanged, sha256_base64
from cimaise.cli.uploading.transport import Transport
from cimaise.errors import (
    CimaiseError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    PreconditionFailed,
    TypeNotAllowed,
    UpstreamFailed,
    WrongState,
)

_LIVING: Final = ("pending", "uploading", "completing")
_DONE: Final = ("uploaded", "published")
_ROUNDS: Final = 3
_OK: Final = 200
_FORBIDDEN: Final = 403
_LOST: Final = (Forbidden, Gone, Invalid, NotFound, TypeNotAllowed)
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
    """An upload that succeeded; ``file_id`` and ``url`` of the published file."""

    upload_id: str
    state: str
    size: int
    checksum_sha256: str | None
    file_id: str | None = None
    url: str | None = None


class Uploader:
    """Sends files, one after another."""

    def __init__(
        self, api: Api, transport: Transport, records: Records, display: Display, wishes: Wishes
    ) -> None:
        self._api = api
        self._transport = transport
        self._records = records
        self._display = display
        self._wishes = wishes

    async def upload(self, path: Path) -> Outcome:
        """Send one file; what an earlier run sent of it is not sent again.

        Cancelled or killed, it leaves a record from which the next run goes on.

        Raises:
            PreconditionFailed: The file changed meanwhile; the upload is aborted.
            CimaiseError: What the server or the network refused for good.
        """
        source = look_at(path)
        wishes = self._wishes
        ticket = Ticket(wishes.server, wishes.collection, source, wishes.checksum)
        work = _Work(self, ticket)
        try:
            completed = await work.bring_there()
        except PreconditionFailed:
            await work.give_up()
            raise
        except _LOST:
            self._records.forget(ticket)
            raise
        outcome = await self._outcome(completed, source.size)
        self._records.forget(ticket)
        return outcome

    async def _outcome(self, completed: Completed, size: int) -> Outcome:
        checksum = completed.checksum_sha256
        if not self._wishes.publish:
            return Outcome(completed.id, completed.state, size, checksum, completed.file_id)
        file = await self._api.publish(self._wishes.collection, completed.id, self._wishes.title)
        return Outcome(
            completed.id, "published", size, checksum or file.checksum_sha256, file.id, file.url
        )
