"""Writing in parts, and from the beginning to the end."""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from cimaise.storage.objects import ObjectInfo

if TYPE_CHECKING:
    from cimaise.storage.bodies import Piece


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A stored part of a multipart upload. ``etag`` is opaque and without quotation marks."""

    part_number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A multipart upload that was begun and neither completed nor aborted; ``begun_at`` is UTC."""

    key: str
    upload_id: str
    begun_at: datetime


class Multipart(Protocol):
    """Objects written in parts, S3's way.

    Parts have numbers from 1 to 10,000, may come in any order and at the same time; a part sent
    again replaces the earlier one. Nothing is visible before ``complete``.
    """

    async def create(
        self, key: str, *, content_type: str, part_size: int, is_exact: bool = True
    ) -> str:
        """Begin; returns the backend's id of the multipart upload.

        A backend may ask for more of ``part_size``: S3 wants 5 MiB to 5 GiB and finds out at
        ``complete``, so whoever begins an upload keeps to that everywhere.

        Args:
            key: Where the whole object will be.
            content_type: Kept with the object where the backend can.
            part_size: Bytes of every part but the last, which may be shorter.
            is_exact: False where ``part_size`` is only what is likely, because the client has not
                said it: parts may then have any one size. A wrong guess costs a copy, no more.
        """
        ...

    async def write(
        self, key: str, upload_id: str, part_number: int, chunks: AsyncIterable[bytes], *, size: int
    ) -> PartInfo:
        """Store one part of exactly ``size`` bytes.

        Until this returns, an earlier part of that number stays what it was. ``Invalid``
        (``size_mismatch``) where ``chunks`` are more or fewer, ``NotFound`` for an unknown
        upload, also when it was completed or aborted meanwhile.
        """
        ...

    async def parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """Every stored part by number, all pages joined. ``NotFound`` for an unknown upload."""
        ...

    async def complete(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Join exactly these parts; stored parts that are not named are dropped.

        They are numbered 1 to n without a gap, ascending; all but the last have one size, and
        the last is not longer. ``WrongState`` (``part_mismatch``) where that is not so, where a
        part is absent, or where it has another ETag or size; then nothing has changed.
        Idempotent: where an earlier call (even of a dead process) did it already, the object is
        returned as it is. ``NotFound`` where neither upload nor object is there.
        """
        ...

    async def abort(self, key: str, upload_id: str) -> None:
        """Free all parts. Aborting the unknown succeeds."""
        ...

    def unfinished(self, keys: Collection[str] | None = None) -> AsyncIterator[Unfinished]:
        """Uploads that were begun and are not ended, in no order.

        For finding what a dead process could not write down. A bucket may know less than all: some
        stores list by whole keys only, some not at all. So it is never the only way to an upload.

        Args:
            keys: Only those of these keys, which costs one call a key in a bucket; ``None``: all
                that the backend can tell of.
        """
        ...


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to append to an upload until somebody else takes it.

    Attributes:
        owner: A number that grows with every taking.
        size: Bytes that the upload has now.
    """

    owner: int
    size: int


class AppendNow(Protocol):
    """Appends on the event loop; ``False``: it would have to wait, and nothing was written."""

    def __call__(self, piece: "Piece", start: int, /) -> bool: ...  # noqa: D102

    def rest(self) -> None:
        """Nothing comes at the moment, or ever again: give back what was taken for it."""
        ...


class Appends(Protocol):
    """Multipart uploads that are written from their beginning to their end, without parts.

    They are begun by :meth:`Multipart.create` and ended by :meth:`finish` or
    :meth:`Multipart.abort`. Whatever was appended is kept, also when the process is killed.
    ``NotFound`` where the upload is unknown, finished or aborted.
    """

    async def take(self, key: str, upload_id: str, *, on_trial: bool = False) -> Hold:
        """Become the only one who may append; every earlier hold is worthless, in any process.

        Args:
            key: As it was begun with.
            upload_id: Which.
            on_trial: What is appended from now on counts only after :meth:`keep`: whoever takes
                the upload without that cuts it off.
        """
        ...

    async def append(
        self, key: str, upload_id: str, hold: Hold, pieces: Sequence[bytes], *, start: int
    ) -> None:
        """Write ``pieces`` one after the other at ``start``, which is the end.

        ``WrongState`` where somebody else has taken the upload (``taken_over``), or the end is
        elsewhere; then nothing was written.
        """
        ...

    def now(self, key: str, upload_id: str, hold: Hold) -> AppendNow | None:
        """``None`` where a backend cannot."""
        ...

    async def head(self, key: str, upload_id: str, *, size: int) -> bytes:
        """Read back the first ``size`` bytes, or all where there are fewer."""
        ...

    async def keep(self, key: str, upload_id: str, hold: Hold) -> int:
        """What was appended is durable and off trial; gives the length.

        ``WrongState`` as for :meth:`append`.
        """
        ...

    async def cut(self, key: str, upload_id: str, hold: Hold, *, size: int) -> None:
        """Leave the first ``size`` bytes only; ``WrongState`` as for :meth:`append`."""
        ...

    async def finish(self, key: str, upload_id: str, *, size: int) -> ObjectInfo:
        """Make it an object of ``size`` bytes; ``WrongState`` (``part_mismatch``) for another.

        Idempotent as :meth:`Multipart.complete` is.
        """
        ...
