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

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from cimaise.storage.abilities.multipart import (
    AppendNow,
    Appends,
    Hold,
    Multipart,
    PartInfo,
    Unfinished,
)
from cimaise.storage.abilities.signing import Grant, Presigner, SignedDoor, SignedRequest
from cimaise.storage.abilities.upkeep import Check, Foreign, Sweeper, Upkeep, Verdict, Wishes
from cimaise.storage.objects import ObjectInfo, Reading

__all__ = [
    "AppendNow",
    "Appends",
    "Check",
    "Foreign",
    "Grant",
    "Hold",
    "Multipart",
    "ObjectInfo",
    "PartInfo",
    "Presigner",
    "Reading",
    "SignedDoor",
    "SignedRequest",
    "Storage",
    "Sweeper",
    "Unfinished",
    "Upkeep",
    "Verdict",
    "Wishes",
]


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
