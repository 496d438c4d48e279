"""What a place that keeps bytes promises.

A *storage* keeps immutable objects under keys. Keys are made in :mod:`cimaise.storage.keys` only:
ASCII, segments joined by ``/``, no user text, at most 200 characters.

Promises that hold for every method of every backend:

* What fails is one of our own errors (:mod:`cimaise.errors`), translated in one place a backend:
  ``NotFound`` where there is no such object or multipart, ``PreconditionFailed`` where an ETag is
  another one, ``TooLarge`` where a limit of bytes is passed, ``Invalid`` where stored or sent
  bytes are not those that were promised, ``Unavailable`` where the backend cannot be reached.
* Cancelling a call leaves the object as it was before or whole as it is after, never half of it,
  and no temporary bytes beyond what the backend's own clean-up knows of.
* No method holds more than one chunk or one part in memory.
* An ETag is opaque: compare it, never parse it. It is held without quotation marks.
* Optional abilities are attributes that may be ``None``: ask ``if storage.multipart is not None``.
* A key that :func:`cimaise.storage.keys.is_valid_key` refuses is ``Invalid`` everywhere.
"""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a storage knows of an object.

    Attributes:
        key: Its key.
        size: Length in bytes.
        etag: Opaque version of these bytes, without quotation marks.
        modified_at: When it became visible, aware UTC.
        content_type: As given when written; ``None`` where the backend does not keep it.
    """

    key: str
    size: int
    etag: str
    modified_at: datetime
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """An object opened for reading; valid inside the context that gave it.

    Attributes:
        info: The version that is being read; ``chunks`` never mixes two.
        start: First byte, inclusive.
        stop: End, exclusive; ``stop - start`` bytes follow, or the iteration raises
            ``BrokenTransfer`` (fewer bytes are never a clean end).
        chunks: The bytes, once. At most 1 MiB each.
        descriptor: An open file descriptor of a regular file that holds exactly this object,
            for ``os.sendfile``; ``None`` where there is none. It is closed with the context.
        path: Absolute, of that file.
    """

    info: ObjectInfo
    start: int
    stop: int
    chunks: AsyncIterator[bytes]
    descriptor: int | None = None
    path: Path | None = None


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


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that anybody who holds it may send until it expires.

    Attributes:
        url: Absolute for S3; for local storage absolute too, from the configured public URL.
        method: ``PUT`` or ``GET``.
        headers: Headers that must be sent as they are (``Content-Type`` for a PUT). A signed
            ``Content-Length`` is bound but not listed, because browsers set it by themselves.
    """

    url: str
    method: str
    headers: Mapping[str, str] = field(default_factory=dict)


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

    def __call__(self, piece: bytes | memoryview, start: int, /) -> bool: ...  # noqa: D102


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


class Presigner(Protocol):
    """Signed URLs. Pure computation: no I/O, so plain functions.

    Lengths that are known and types are always bound: another body is refused by the storage.
    ``Invalid`` (field ``expires_at``) where a URL would live less than a second or more than
    seven days, which is all that S3 can sign.
    """

    def put(
        self,
        key: str,
        *,
        size: int,
        content_type: str,
        expires_at: datetime,
        sha256: str | None = None,
    ) -> SignedRequest:
        """Write the whole object with one request of exactly ``size`` bytes.

        ``sha256`` (base64) is bound where the storage is set to verify it by itself: then another
        body is refused when it comes, not only when it is looked at.
        """
        ...

    def part(
        self,
        key: str,
        upload_id: str,
        part_number: int,
        *,
        expires_at: datetime,
        size: int | None = None,
        max_bytes: int | None = None,
        session_id: str | None = None,
    ) -> SignedRequest:
        """Write one part.

        Args:
            key: Of the object.
            upload_id: Of the multipart upload.
            part_number: 1 to 10,000.
            expires_at: When the URL is worthless.
            size: Exact length; ``None`` where nobody knows it before it comes.
            max_bytes: Then the most that may come. URLs of this server hold it; S3 has no way to,
                so there only a look at the stored parts tells.
            session_id: Then whose the part is, told to the door of this server's own URLs.
        """
        ...

    def get(
        self,
        key: str,
        *,
        expires_at: datetime,
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> SignedRequest:
        """Read the object; the two headers replace what the object was stored with."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """What a signed URL of local storage allows; the content of its token.

    Attributes:
        verb: ``put``, ``part`` or ``get``.
        key: The object.
        expires_at: Aware UTC; checked when the request starts.
        size: Exact length of the body, for ``put`` and ``part``; ``None`` where any is taken.
        content_type: Type that a PUT must declare, or that a GET answers with.
        upload_id: For ``part``.
        part_number: For ``part``.
        content_disposition: For ``get``.
        max_bytes: For a ``part`` without ``size``: its greatest length.
        session_id: For a ``part`` without ``size``: the upload that has to make room for it.
    """

    verb: str
    key: str
    expires_at: datetime
    size: int | None = None
    content_type: str | None = None
    upload_id: str | None = None
    part_number: int | None = None
    content_disposition: str | None = None
    max_bytes: int | None = None
    session_id: str | None = None


class SignedDoor(Protocol):
    """The other end of signed URLs that point back at this server (``/storage/{token}``)."""

    def open_grant(self, token: str, now: datetime) -> Grant:
        """Verify a token: ``Forbidden`` with ``bad_signature`` or ``expired_signature``."""
        ...


class Sweeper(Protocol):
    """Removes what dead processes left behind and no key leads to."""

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Delete temporary files last written before ``older_than``; how many there were.

        Choose it further back than the longest pause of a living write. Unfinished multipart
        uploads are not touched: whoever recorded their ids aborts them.
        """
        ...


class Verdict(StrEnum):
    """How a check of a storage ended."""

    OK = "ok"
    WARNING = "warning"  # works; better otherwise
    FAULT = "fault"  # has to be mended
    UNKNOWN = "unknown"  # the storage does not tell


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at around a storage; ``detail`` is for people."""

    name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a storage should be set up for.

    Attributes:
        origins: Of pages that send bytes to signed URLs.
        abort_after_days: When the storage itself may free a forgotten multipart upload.
    """

    origins: tuple[str, ...]
    abort_after_days: int


class Upkeep(Protocol):
    """Looks at what is around the objects, and sets it: who may read, who may write, what is kept."""

    async def check(self, wishes: Wishes) -> Sequence[Check]:
        """Look at everything; small objects are written and removed again."""
        ...

    async def setup(self, wishes: Wishes) -> Sequence[Check]:
        """Set what can be set, leaving what others have set; then :meth:`check`."""
        ...

    async def capabilities(self) -> Mapping[str, bool | str]:
        """What the storage does where storages differ, found out by trying."""
        ...

    def policies(self) -> Mapping[str, Mapping[str, object]]:
        """What each role has to be allowed, in the storage's own words; empty where there are none."""
        ...


class Foreign(Protocol):
    """Objects under names that are no keys of ours: what older schemes and other programs left.

    A name is relative, without empty segments, ``.`` and ``..``; anything else is ``Invalid``.
    """

    async def adopt(self, name: str, target: str) -> ObjectInfo:
        """Copy the object to the key ``target``; ``name`` stays. Again is as once.

        ``NotFound`` where there is none. A process that dies leaves ``target`` whole or absent, and
        in a bucket perhaps an unfinished upload in parts.
        """
        ...

    async def drop(self, name: str) -> None:
        """Delete it. Dropping the absent succeeds."""
        ...


class Storage(Protocol):
    """Seven verbs and seven optional abilities."""

    @property
    def is_local(self) -> bool:
        """Whether reading an object again costs no more than reading a local file."""
        ...

    @property
    def multipart(self) -> Multipart | None:
        """Writing in parts, or ``None``."""
        ...

    @property
    def appends(self) -> Appends | None:
        """Writing from beginning to end without parts, or ``None``; not without multipart."""
        ...

    @property
    def presigner(self) -> Presigner | None:
        """Signed URLs, or ``None``."""
        ...

    @property
    def signed_door(self) -> SignedDoor | None:
        """Set where the presigner's URLs lead back to this server."""
        ...

    @property
    def sweeper(self) -> Sweeper | None:
        """Removing leftovers of dead processes, or ``None`` where there can be none."""
        ...

    @property
    def foreign(self) -> Foreign | None:
        """Taking over what has other names than keys, or ``None``."""
        ...

    @property
    def upkeep(self) -> Upkeep | None:
        """Looking at and setting what is around the objects, or ``None``."""
        ...

    async def stat(self, key: str) -> ObjectInfo:
        """Size, ETag and date. ``NotFound`` where there is none."""
        ...

    def open(
        self, key: str, *, start: int = 0, stop: int | None = None, if_etag: str | None = None
    ) -> AbstractAsyncContextManager[Reading]:
        """Read bytes ``start`` (inclusive) to ``stop`` (exclusive; ``None`` is the end).

        On entering: ``NotFound`` where there is none, ``PreconditionFailed`` where ``if_etag``
        is given and another version is there, ``RangeNotSatisfiable`` where ``start`` is
        negative or not before both ``stop`` and the end (an empty object may be opened at 0).
        ``stop`` past the end is cut.
        """
        ...

    async def write(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        content_type: str,
        size: int | None = None,
        max_bytes: int | None = None,
    ) -> ObjectInfo:
        """Store an object; invisible until whole, durable when this returns.

        Args:
            key: Where. An object that is there already is replaced at once.
            chunks: The bytes; closed by whoever opened them.
            content_type: Kept with the object where the backend can.
            size: Exact length where known: any other is ``Invalid`` (``size_mismatch``).
            max_bytes: Upper bound: one byte more is ``TooLarge``, found while streaming.
        """
        ...

    async def move(self, source: str, target: str, *, if_etag: str | None = None) -> ObjectInfo:
        """Give the object another key; the old one is gone afterwards.

        ``NotFound`` where there is no ``source``, ``PreconditionFailed`` where it is another
        version than ``if_etag``. The object may get another ETag: go on with the one that is
        returned. A process that dies half-way leaves both keys with the same bytes. What a signed URL writes to ``source`` later cannot change
        ``target``.
        """
        ...

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, in batches where the backend has them. The absent are deleted too."""
        ...

    def list(self, prefix: str, *, after: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object whose key begins with ``prefix``, by key, after the key ``after``."""
        ...

    async def check(self) -> None:
        """Reach the backend; ``Unavailable`` where that fails."""
        ...

    async def close(self) -> None:
        """Free connections. Nothing else may be called afterwards."""
        ...
