"""The pictures behind a share link: each looked up with the right that the link gives, and no more."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cimaise.access.links.shares import Share
from cimaise.archives.checksums import Bytes, Opener
from cimaise.errors import Forbidden, NotFound
from cimaise.images.making import OpenSource
from cimaise.images.metadata.cleaning import CLEANED
from cimaise.images.metadata.private import CannotClean
from cimaise.library.serving_types import served_type
from cimaise.web.call import Call
from cimaise.web.images.variants import local_source, source_of
from cimaise.web.replies.local_file import open_local_file

FOLDER: Final = "folder:"
_NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A picture of a shared album.

    Attributes:
        filename: As its owner called it.
        media_type: As it is sent.
        size: Bytes of the original.
        version: Names these very bytes and no others.
        etag: Of the original; strong, without quotation marks.
        modified_at: Aware.
        source: For variants.
        opener: Of the original's bytes; asks once more whether the share still holds.
    """

    filename: str
    media_type: str
    size: int
    version: str
    etag: str
    modified_at: datetime
    source: OpenSource
    opener: Opener


async def find_shared(call: Call, token: str, share: Share, name: str) -> SharedFile:
    """A picture by its id, in folders by its name. ``NotFound`` for whatever is not in the album."""
    if share.subject.startswith(FOLDER):
        return await _of_folder(call, token, share, name)
    file = await call.services.library.files.find(share.principal, name)
    if file.collection.id != share.subject or not file.is_picture or file.storage_key is None:
        raise NotFound("There is no such picture.")
    opener = call.services.delivery.originals.open_checked(share.principal, file)
    return SharedFile(
        file.filename, served_type(file.content_type), file.size, file.storage_key, file.etag,
        file.published_at, source_of(call, file), while_shared(call, token, opener),
    )  # fmt: skip


async def _of_folder(call: Call, token: str, share: Share, name: str) -> SharedFile:
    file = await call.services.catalogue.open_file(share.principal, share.album, name)
    place = hashlib.sha256(f"{share.album}/{name}".encode()).hexdigest()
    return SharedFile(
        file.path.name, file.media_type, file.size, f"{file.path} {file.etag}",
        f"{file.etag}-{place[:16]}", datetime.fromtimestamp(file.mtime_ns // _NANO, UTC),
        local_source(file.path), while_shared(call, token, open_local_file(file)),
    )  # fmt: skip


def while_shared(call: Call, token: str, opener: Opener) -> Opener:
    """Asks of the share again at each opening: an archive is read long after it was begun."""

    @asynccontextmanager
    async def opened(start: int, stop: int) -> AsyncIterator[Bytes]:
        await call.services.access.shares.require_open(token)
        async with opener(start, stop) as reading:
            yield reading

    return opened


async def clean_opener(call: Call, file: SharedFile) -> tuple[Opener, str] | None:
    """The original's bytes as they may leave, and what has to be added to its ETag.

    ``None`` for a file that cannot be cleaned, such as HEIC or TIFF: it does not leave.
    """
    if not call.services.settings.shares.clean_originals:
        return file.opener, ""
    try:
        opener = await call.services.images.cleaner.cleaned(file.version, file.size, file.opener)
    except Forbidden as fault:
        if isinstance(fault.__cause__, CannotClean):
            return None
        raise
    return opener, f"-{CLEANED}"
