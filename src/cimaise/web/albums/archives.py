"""Albums, collections and selections as ZIP archives."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from starlette.types import ASGIApp

from cimaise.archives.archive import MAX_FILES
from cimaise.archives.checksums import Bytes, Opener, Packed
from cimaise.errors import Invalid, NotFound
from cimaise.library.model import File
from cimaise.library.serving import archive_headers
from cimaise.rfc.selection import Representation, select
from cimaise.web.call import Call
from cimaise.web.replies.local_file import open_local_file
from cimaise.web.replies.reply import BytesReply
from cimaise.web.replies.transfers import TransferReply, require_transfer

_NANO: Final = 1_000_000_000
_PAGE: Final = 100


async def album(call: Call) -> ASGIApp:
    """The pictures of an album, or those that ``file`` names: by name in folders, else by id."""
    name, chosen = call.path("album"), _chosen(call)
    page = await call.services.catalogue.open_album(call.principal, name, limit=1)
    if page.source == "folder":
        names = chosen or await _picture_names(call, name)
        files = [await _of_folder(call, name, file) for file in names]
    elif page.source == "collection":
        published = await _of_collection(call, name, chosen)
        files = [_packed(call, file) for file in published if file.is_picture]
    else:
        raise NotFound("The pictures of this album are kept elsewhere.", code="file_missing")
    return await _reply(call, name, files)


async def collection(call: Call) -> ASGIApp:
    """The files of a collection that the caller may see, or those whose ids ``file`` names."""
    name = call.path("name")
    files = await _of_collection(call, name, _chosen(call))
    return await _reply(call, name, [_packed(call, file) for file in files])


async def selection(call: Call) -> ASGIApp:
    """Files from anywhere, by their ids."""
    chosen = _chosen(call)
    if not chosen:
        raise Invalid("file names a file by its id; repeat it for more.", field="file")
    files = [await call.services.library.files.find(call.principal, file_id) for file_id in chosen]
    return await _reply(call, "selection", [_packed(call, _kept(file)) for file in files])


def _chosen(call: Call) -> list[str]:
    """What ``file`` names, in order, each once."""
    return list(dict.fromkeys(call.request.query_params.getlist("file")))


async def _of_collection(call: Call, name: str, chosen: Sequence[str]) -> list[File]:
    files = call.services.library.files
    found = [await files.find(call.principal, file_id) for file_id in chosen]
    if any(file.collection.name != name for file in found):
        raise NotFound("There is no such file here.")
    if chosen:
        return [_kept(file) for file in found]
    cursor: str | None = None
    while len(found) <= MAX_FILES:
        page = await files.list(call.principal, name, cursor=cursor, limit=_PAGE)
        found += [file for file in page.files if file.storage_key is not None]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _kept(file: File) -> File:
    if file.storage_key is None:
        raise NotFound("This file is kept elsewhere.", code="file_missing")
    return file


def _packed(call: Call, file: File) -> Packed:
    assert file.storage_key is not None
    opener = call.services.delivery.originals.open_checked(call.principal, file)
    dated_at = file.taken_at or file.published_at
    return Packed(file.filename, file.size, dated_at, f"object {file.storage_key}", opener)


async def _picture_names(call: Call, album: str) -> list[str]:
    names: list[str] = []
    number, has_next = 1, True
    while has_next and len(names) <= MAX_FILES:
        page = await call.services.catalogue.open_album(
            call.principal, album, page=number, limit=_PAGE
        )
        names += [picture.name for picture in page.pictures]
        number, has_next = number + 1, page.pagination.has_next
    return names


async def _of_folder(call: Call, album: str, name: str) -> Packed:
    found = await call.services.catalogue.open_file(call.principal, album, name)
    modified_at = datetime.fromtimestamp(found.mtime_ns // _NANO, UTC)
    place = hashlib.sha256(f"{album}/{name}".encode()).hexdigest()
    version = f"folder {found.etag} {place}"
    opener = _open_again(call, album, name, found.etag)
    return Packed(found.path.name, found.size, modified_at, version, opener)


def _open_again(call: Call, album: str, name: str, etag: str) -> Opener:
    """Looks at the album's rights and the file's version at the time it is read."""

    @asynccontextmanager
    async def opened(start: int, stop: int) -> AsyncIterator[Bytes]:
        found = await call.services.catalogue.open_file(call.principal, album, name)
        if found.etag != etag:
            raise NotFound("The file is being replaced.")
        async with open_local_file(found)(start, stop) as source:
            yield source

    return opened


async def _reply(call: Call, name: str, files: Sequence[Packed]) -> ASGIApp:
    asking = await require_transfer(call)
    archive = call.services.delivery.archives.pack(files)
    what = Representation(archive.size, archive.etag, "application/zip")
    selection = select(what, call.wanted(), now=call.now)
    headers = dict(archive_headers(f"{name}.zip"))
    reply = BytesReply(what, selection, archive.open, headers)
    return TransferReply(reply, asking, call.services)
