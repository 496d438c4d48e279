"""The originals of a shared album as one archive, which says what it had to leave out."""

import hashlib
from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp

from cimaise.access.links.shares import Downloads, Share
from cimaise.archives.archive import MAX_FILES
from cimaise.archives.checksums import Packed
from cimaise.errors import Forbidden
from cimaise.library.serving import archive_headers
from cimaise.rfc.selection import Representation, select
from cimaise.web.albums.shared_files import SharedFile, clean_opener, find_shared, while_shared
from cimaise.web.call import Call
from cimaise.web.replies.reply import BytesReply, open_memory
from cimaise.web.replies.transfers import TransferReply, require_transfer

LEFT_OUT: Final = "LEFT-OUT.txt"
_PAGE: Final = 100
_HEAD: Final = (
    "These files of the album are not in this archive, because their private metadata (place,"
    " serial numbers, names) cannot be taken out of them. On the album's page each of them can be"
    " kept as a JPEG of web size."
)


def has_archive(share: Share) -> bool:
    """Whether the originals are given away as one file."""
    return share.downloads is Downloads.ORIGINAL and share.watermark is None


async def archive_reply(call: Call, token: str, share: Share, headers: dict[str, str]) -> ASGIApp:
    """The archive, with ``LEFT-OUT.txt`` in it where something is missing.

    Raises:
        Forbidden: The share gives no originals, or none of them can be cleaned.
    """
    packed, told = await _sorted(call, token, share)
    left_out = list(told.values())
    if left_out and not packed:
        raise Forbidden(
            "There is no archive: no file of this album can be given without its private metadata."
        )
    if left_out:
        packed.append(_told(call, token, left_out))
    asking = await require_transfer(call)
    made = call.services.delivery.archives.pack(packed)
    what = Representation(made.size, made.etag, "application/zip")
    named = dict(archive_headers(f"{share.album}.zip")) | headers
    reply = BytesReply(what, select(what, call.wanted(), now=call.now), made.open, named)
    return TransferReply(reply, asking, call.services)


async def left_out_of(call: Call, token: str, share: Share) -> tuple[int, dict[str, SharedFile]]:
    """How many pictures the archive holds, and those that it leaves out by their name in URLs.

    As much work as the archive's beginning: each file is looked into. ``Forbidden`` as there.
    """
    packed, left_out = await _sorted(call, token, share)
    return len(packed), left_out


async def _sorted(
    call: Call, token: str, share: Share
) -> tuple[list[Packed], dict[str, SharedFile]]:
    if not has_archive(share):
        raise Forbidden("Of this album there is no archive of originals.")
    packed: list[Packed] = []
    left_out: dict[str, SharedFile] = {}
    for name in await _names(call, share):
        file = await find_shared(call, token, share, name)
        one = await _packed(call, file)
        if one is None:
            left_out[name] = file
        else:
            packed.append(one)
    return packed, left_out


async def _packed(call: Call, file: SharedFile) -> Packed | None:
    clean = await clean_opener(call, file)
    if clean is None:
        return None
    opener, tail = clean
    name = hashlib.sha256(file.version.encode()).hexdigest()  # an ETag may be that of two files
    version = f"shared {name}{tail}"
    return Packed(file.filename, file.size, file.modified_at, version, opener)


def _told(call: Call, token: str, left_out: Sequence[SharedFile]) -> Packed:
    """The same text for the same files, so that a broken download goes on where it stopped."""
    names = [" ".join(file.filename.split()) for file in left_out]
    body = "\r\n".join([_HEAD, "", *names, ""]).encode()
    latest = max(file.modified_at for file in left_out)
    version = f"left out {hashlib.sha256(body).hexdigest()}"
    opener = while_shared(call, token, open_memory(body))
    return Packed(LEFT_OUT, len(body), latest, version, opener)


async def _names(call: Call, share: Share) -> list[str]:
    """What each picture is called in the share's URLs."""
    found: list[str] = []
    number, has_next = 1, True
    while has_next and len(found) <= MAX_FILES:
        one = await call.services.catalogue.open_album(
            share.principal, share.album, page=number, limit=_PAGE
        )
        found += [picture.id or picture.name for picture in one.pictures]
        number, has_next = number + 1, one.pagination.has_next
    return found
