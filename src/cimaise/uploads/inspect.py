"""The stored bytes: what they are, whether they fit their name and checksum, a picture's header.

What the client declared decides nothing here. The type found in the bytes is the type; a
declared one only chooses among those that the bytes cannot tell apart.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from cimaise.errors import Invalid, TooLarge, TypeNotAllowed
from cimaise.storage.base import ObjectInfo, Storage
from cimaise.uploads.digest import StreamingSha256, hashed_in_thread, require_checksum
from cimaise.uploads.signatures.base import HEAD_BYTES
from cimaise.uploads.signatures.names import ZIP_TYPES, allowed_by_name, extension_of
from cimaise.uploads.signatures.table import sniff
from cimaise.uploads.signatures.zipped import MAX_END_BYTES, has_zip_end

DECODED_TYPES: Final = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/tiff"}
)
"""Pictures whose header has to be readable."""

SHOWN_IF_READABLE: Final = frozenset(
    {
        "image/heic",
        "image/jp2",
        "image/j2c",
        "image/jxl",
        "image/svg+xml",
        "image/bmp",
        "image/vnd.microsoft.icon",
    }
)
"""Pictures that are shown where their header can be read here, and kept as plain files where not."""

FIRST_BYTES: Final = 4 * 1024 * 1024
"""How much of a picture is read for its header at first."""

MAX_WHOLE_BYTES: Final = 100_000_000
"""Largest picture that is read whole where its first bytes are not enough."""

WHOLE_AT_ONCE: Final = 2
"""Pictures that are held whole in memory at the same time, by default."""

_FRAMES_THROUGHOUT: Final = frozenset({"image/gif", "image/webp", "image/tiff"})
"""Their frames are counted by walking through the file: the first bytes would tell too few."""

_REFINEMENTS: Final = {
    "text/plain": frozenset(
        {
            "text/csv", "text/tab-separated-values", "text/markdown", "text/calendar", "text/vcard",
            "text/vtt", "application/json", "application/geo+json", "application/yaml",
        }
    ),
    "application/xml": frozenset({"application/gpx+xml", "application/vnd.google-earth.kml+xml"}),
    "video/mp4": frozenset({"audio/mp4"}),
    "video/webm": frozenset({"audio/webm"}),
    "video/x-matroska": frozenset({"audio/x-matroska"}),
    "application/zip": frozenset({"application/vnd.google-earth.kmz"}),
}  # fmt: skip


class PictureHeader(Protocol):
    """What a decoder says of a picture before it decodes any pixel."""

    @property
    def width(self) -> int:
        """Pixels as shown, orientation applied."""

    @property
    def height(self) -> int:
        """Pixels as shown, orientation applied."""

    @property
    def frames(self) -> int:
        """Pictures in the file, at least 1."""

    @property
    def taken_at(self) -> datetime | None:
        """When it was taken, aware UTC, where the file says so."""


PictureReader = Callable[[bytes], PictureHeader]
"""Reads the header out of a file's first bytes; called in a thread.

It raises ``TypeNotAllowed`` (``not_an_image``) where it cannot, perhaps because it needs more of
the file, and ``Invalid`` (``too_many_pixels``) where the picture is too large to be shown.
"""


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is kept of a picture's header; ``placeholder`` is made later, by a job."""

    width: int
    height: int
    frames: int
    taken_at: datetime | None = None
    placeholder: str | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the stored bytes are.

    Attributes:
        size: Length in bytes.
        content_type: Found in the bytes.
        sha256_hex: Of all bytes, where they were hashed.
        etag: The storage's, of the one version that everything here was read from.
        picture: For pictures that can be shown.
    """

    size: int
    content_type: str
    sha256_hex: str | None
    etag: str
    picture: PictureFacts | None

    def picture_json(self) -> dict[str, Any] | None:
        """The picture's facts as JSON has them; ``taken_at`` in ISO 8601."""
        if self.picture is None:
            return None
        taken_at = self.picture.taken_at
        return {
            "width": self.picture.width,
            "height": self.picture.height,
            "frames": self.picture.frames,
            "taken_at": taken_at.isoformat() if taken_at else None,
            "placeholder": self.picture.placeholder,
        }


def open_places() -> asyncio.Semaphore:
    """Places for pictures that are held whole: :data:`WHOLE_AT_ONCE` of them."""
    return asyncio.Semaphore(WHOLE_AT_ONCE)


async def inspect_object(
    storage: Storage,
    key: str,
    *,
    filename: str,
    declared_type: str | None,
    declared_sha256: str | None,
    hash_all: bool,
    read_header: PictureReader,
    whole_at_once: asyncio.Semaphore,
    decoded_types: frozenset[str] = DECODED_TYPES,
) -> Inspection:
    """Look at an object as it is stored.

    What is cheap to refuse is refused before more is read. Nothing is changed, so cancelling
    leaves nothing.

    Args:
        storage: Where it is.
        key: Which.
        filename: As people will see it; the content has to fit its extension.
        declared_type: As the client said.
        declared_sha256: Base64 as the client said; then all bytes are read and hashed.
        hash_all: Read and hash all bytes anyway.
        read_header: See :data:`PictureReader`.
        whole_at_once: A place of it is taken for as long as more than :data:`FIRST_BYTES` of a
            picture are in memory. One for all doors bounds them together.
        decoded_types: Types for which it is called.

    Raises:
        TypeNotAllowed: The content is not what the name says, or a ZIP has no end; with
            ``not_an_image``: a picture's header cannot be read.
        Invalid: ``checksum_mismatch``, or what ``read_header`` raises.
        NotFound: There is no such object.
        PreconditionFailed: It was replaced while it was being read.
    """
    head, info = await _first(storage, key)
    found_type = judge(head, info.size, filename=filename, declared_type=declared_type)
    if found_type in ZIP_TYPES:
        await _require_zip_end(storage, info)
    picture = None
    if found_type in decoded_types:
        picture = await _picture(storage, info, found_type, read_header, whole_at_once)
    elif found_type in SHOWN_IF_READABLE:
        picture = await _picture_if_readable(storage, info, found_type, read_header, whole_at_once)
    sha256_hex = None
    if hash_all or declared_sha256 is not None:
        sha256_hex = await _hashed(storage, info)
        require_checksum(sha256_hex, declared_sha256)
    return Inspection(info.size, found_type, sha256_hex, info.etag, picture)


def judge(head: bytes, size: int, *, filename: str, declared_type: str | None) -> str:
    """The type of a file whose first 64 KiB are ``head``.

    Raises:
        TypeNotAllowed: It does not fit the name; the message names what was found.
    """
    found_type = sniff(head, size)
    if not allowed_by_name(filename, found_type):
        found = "of an unknown type" if found_type == "application/octet-stream" else found_type
        raise TypeNotAllowed(
            f"The file is called {extension_of(filename)}, but its content is {found}."
        )
    declared = (declared_type or "").partition(";")[0].strip().lower()
    return declared if declared in _REFINEMENTS.get(found_type, ()) else found_type


async def _first(storage: Storage, key: str) -> tuple[bytes, ObjectInfo]:
    async with storage.open(key, stop=HEAD_BYTES) as reading:
        return b"".join([chunk async for chunk in reading.chunks]), reading.info


async def _read(storage: Storage, info: ObjectInfo, *, start: int, stop: int) -> bytes:
    async with storage.open(info.key, start=start, stop=stop, if_etag=info.etag) as reading:
        return b"".join([chunk async for chunk in reading.chunks])


async def _require_zip_end(storage: Storage, info: ObjectInfo) -> None:
    """A ZIP that was cut off begins like a whole one; only its last bytes tell."""
    tail = await _read(storage, info, start=max(0, info.size - MAX_END_BYTES), stop=info.size)
    if not has_zip_end(tail):
        raise TypeNotAllowed("The ZIP archive is not whole: it has no end.")


async def _picture(
    storage: Storage,
    info: ObjectInfo,
    found_type: str,
    read_header: PictureReader,
    whole_at_once: asyncio.Semaphore,
) -> PictureFacts:
    is_small = info.size <= MAX_WHOLE_BYTES
    least = info.size if is_small and found_type in _FRAMES_THROUGHOUT else FIRST_BYTES
    try:
        return await _bounded(storage, info, least, read_header, whole_at_once)
    except TypeNotAllowed:
        if least >= info.size or not is_small:
            raise
    return await _bounded(storage, info, info.size, read_header, whole_at_once)


async def _bounded(
    storage: Storage,
    info: ObjectInfo,
    stop: int,
    read_header: PictureReader,
    whole_at_once: asyncio.Semaphore,
) -> PictureFacts:
    """First bytes are read at once, what is larger when there is a place for it."""
    if min(stop, info.size) <= FIRST_BYTES:
        return await _facts(storage, info, stop, read_header)
    async with whole_at_once:
        return await _facts(storage, info, stop, read_header)


async def _picture_if_readable(
    storage: Storage,
    info: ObjectInfo,
    found_type: str,
    read_header: PictureReader,
    whole_at_once: asyncio.Semaphore,
) -> PictureFacts | None:
    try:
        return await _picture(storage, info, found_type, read_header, whole_at_once)
    except (TypeNotAllowed, TooLarge, Invalid):
        return None


async def _facts(
    storage: Storage, info: ObjectInfo, stop: int, read_header: PictureReader
) -> PictureFacts:
    content = await _read(storage, info, start=0, stop=stop)
    header = await asyncio.to_thread(read_header, content)
    return PictureFacts(header.width, header.height, header.frames, header.taken_at)


async def _hashed(storage: Storage, info: ObjectInfo) -> str:
    async with storage.open(info.key, if_etag=info.etag) as reading:
        if reading.descriptor is not None:  # one thread, instead of two hops for each chunk
            return await hashed_in_thread(os.dup(reading.descriptor), info.size)
        sha256 = StreamingSha256()
        async for chunk in reading.chunks:
            await sha256.add(chunk)
        return sha256.hex()
