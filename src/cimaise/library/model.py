"""What has been published, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from cimaise.access.policy import CollectionFacts, MemberRole, Visibility
from cimaise.library.placeholders import NONE_POSSIBLE

DEFAULT_POINTS = 3
"""What whoever publishes a file earns, where the collection's policy says nothing."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a collection accepts, and when it shows it.

    Attributes:
        extensions: File extensions with their dot, lower case; empty: any.
        types: Media types found in the bytes, such as ``image/*``; empty: any.
        max_bytes: Largest file; ``None``: the server's limit.
        publish: ``by_door``: direct uploads wait for the publish call, the other doors publish
            when complete; ``on_complete``: all publish when complete; ``separately``: none does.
        points: What whoever publishes a file earns.
        open: Every account that is signed in may upload, without a membership.
    """

    extensions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    max_bytes: int | None = None
    publish: Literal["by_door", "on_complete", "separately"] = "by_door"
    points: int = DEFAULT_POINTS
    open: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    """What a file belongs to: an album, a tool's page, a project."""

    id: str
    name: str
    title: str
    visibility: Visibility
    owner_id: str
    policy: Policy
    picture_count: int
    created_at: datetime
    updated_at: datetime
    cover_id: str | None = None  # of one of its pictures; that may be gone by now
    sort: str | None = None  # what its pictures are ordered by where nobody asks; None: by date
    member_role: MemberRole | None = None  # of the principal it was read for

    @property
    def facts(self) -> CollectionFacts:
        """What decides about rights."""
        return CollectionFacts(
            self.owner_id, self.visibility, self.member_role, is_open=self.policy.open, id=self.id
        )


@dataclass(frozen=True, slots=True)
class File:
    """A published file. ``storage_key`` is told to the uploader alone, when it is complete.

    Attributes:
        visibility: Its own, or ``None`` for the collection's.
        size: Bytes; of an external link what its publisher said.
        etag: Strong, without quotation marks; it changes whenever the bytes do.
        sha256: Hex, where it is known.
        external_url: Where the bytes are kept, if not with us.
    """

    id: str
    collection: Collection
    owner_id: str
    filename: str
    title: str
    note: str
    visibility: Visibility | None
    size: int
    content_type: str
    etag: str
    is_picture: bool
    download_count: int
    created_at: datetime
    published_at: datetime
    sha256: str | None = None
    storage_key: str | None = None
    external_url: str | None = None
    access_code: str | None = None
    archive_password: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    taken_at: datetime | None = None
    placeholder: str | None = None
    is_taken_down: bool = False

    @property
    def is_undrawable(self) -> bool:
        """A picture of which nothing could be drawn: it is damaged, or too large."""
        return self.is_picture and self.placeholder == NONE_POSSIBLE

    @property
    def shown_visibility(self) -> Visibility:
        """The file's own visibility, or else its collection's."""
        return self.visibility or self.collection.visibility


@dataclass(frozen=True, slots=True)
class Publication:
    """A file about to become visible: everything that is known of it beforehand."""

    collection: Collection
    owner_id: str
    filename: str
    size: int
    content_type: str
    title: str = ""
    note: str = ""
    visibility: Visibility | None = None
    upload_id: str | None = None
    storage_key: str | None = None
    storage_etag: str | None = None
    sha256: str | None = None
    external_url: str | None = None
    access_code: str | None = None
    archive_password: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    taken_at: datetime | None = None
    placeholder: str | None = None
    created_at: datetime | None = None
