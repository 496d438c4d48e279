"""Writing in parts, on disk."""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence

from cimaise.errors import NotFound
from cimaise.storage.base import ObjectInfo, PartInfo, Unfinished
from cimaise.storage.bodies import counted
from cimaise.storage.checks import require_part_number
from cimaise.storage.filesystem.files import Layout
from cimaise.storage.filesystem.hops import Hops, pour
from cimaise.storage.filesystem.joining import join
from cimaise.storage.filesystem.part_draft import PartDraft
from cimaise.storage.filesystem.parts import (
    About,
    create_upload,
    find_upload,
    open_upload,
    unfinished_uploads,
)


class FilesystemMultipart:
    """See :class:`cimaise.storage.base.Multipart`."""

    def __init__(self, layout: Layout, hops: Hops) -> None:
        self._layout = layout
        self._hops = hops

    async def create(
        self, key: str, *, content_type: str, part_size: int, is_exact: bool = True
    ) -> str:
        """Begin."""
        del content_type
        self._layout.path(key)
        if part_size < 1:
            raise ValueError("parts have at least one byte")
        about = About(key, part_size, is_exact)
        return await self._hops.run(create_upload, self._layout, about)

    async def write(
        self, key: str, upload_id: str, part_number: int, chunks: AsyncIterable[bytes], *, size: int
    ) -> PartInfo:
        """Store one part."""
        require_part_number(part_number)
        draft = PartDraft(self._layout, key, upload_id, part_number, size=size)
        return await pour(self._hops, counted(chunks, size=size), draft)

    async def parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """Every stored part."""
        return await self._hops.run(_stored_parts, self._layout, key, upload_id)

    async def complete(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Join."""
        return await self._hops.run(join, self._layout, key, upload_id, parts)

    async def abort(self, key: str, upload_id: str) -> None:
        """Free all parts."""
        await self._hops.run(_abort, self._layout, key, upload_id)

    async def unfinished(self, keys: Collection[str] | None = None) -> AsyncIterator[Unfinished]:
        """Folders of uploads; each is looked into."""
        for upload in await self._hops.run(unfinished_uploads, self._layout):
            if keys is None or upload.key in keys:
                yield upload


def _stored_parts(layout: Layout, key: str, upload_id: str) -> Sequence[PartInfo]:
    records = open_upload(layout, key, upload_id).records()
    return [PartInfo(number, record.size, record.etag) for number, record in records.items()]


def _abort(layout: Layout, key: str, upload_id: str) -> None:
    try:
        folder = find_upload(layout, key, upload_id)
    except NotFound:
        return
    layout.drop_folder(folder.path)
