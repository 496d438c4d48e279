"""Writing in parts, in a bucket."""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final

from cimaise.errors import CimaiseError, NotFound, Unavailable, WrongState
from cimaise.storage.base import ObjectInfo, PartInfo, Unfinished
from cimaise.storage.bodies import counted
from cimaise.storage.checks import (
    no_upload,
    require_joinable,
    require_part_number,
    size_mismatch,
)
from cimaise.storage.s3.control import Control
from cimaise.storage.s3.location import Location
from cimaise.storage.s3.wire import Wire, plain_etag

_ABORTS: Final = 3
_PAUSES_S: Final = (0.05, 0.2, 1.0)
_UPLOAD_ID: Final = re.compile(r"[!-~]{1,1024}", re.ASCII)  # opaque, but fit for a query


def _require_id(upload_id: str) -> None:
    if not _UPLOAD_ID.fullmatch(upload_id):
        raise no_upload()


async def head(control: Control, location: Location, key: str) -> ObjectInfo:
    """Facts of an object; ``NotFound``."""
    return await head_named(control, location.name(key), key)


async def head_named(control: Control, name: str, key: str) -> ObjectInfo:
    """Facts of what the bucket calls ``name``, told of ``key``; ``NotFound``."""
    reply = await control.call("head_object", Key=name)
    return ObjectInfo(
        key,
        int(reply["ContentLength"]),
        plain_etag(reply["ETag"]),
        reply["LastModified"],
        reply.get("ContentType"),
    )


class S3Multipart:
    """See :class:`cimaise.storage.base.Multipart`."""

    def __init__(self, location: Location, control: Control, cleanup: Control, wire: Wire) -> None:
        """``cleanup`` aborts and lists what is unfinished, ``control`` does the rest."""
        self._location = location
        self._control = control
        self._cleanup = cleanup
        self._wire = wire

    async def create(
        self, key: str, *, content_type: str, part_size: int, is_exact: bool = True
    ) -> str:
        """Begin; the store does not want to know the size of parts."""
        del part_size, is_exact
        reply = await self._control.call(
            "create_multipart_upload", Key=self._location.name(key), ContentType=content_type
        )
        return str(reply["UploadId"])

    async def write(
        self, key: str, upload_id: str, part_number: int, chunks: AsyncIterable[bytes], *, size: int
    ) -> PartInfo:
        """Store one part."""
        require_part_number(part_number)
        _require_id(upload_id)
        query = {"partNumber": str(part_number), "uploadId": upload_id}
        try:
            etag = await self._wire.put(key, counted(chunks, size=size), size=size, query=query)
        except NotFound:
            raise no_upload() from None
        return PartInfo(part_number, size, etag)

    async def parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """Every stored part, all pages."""
        found: dict[int, PartInfo] = {}
        after = 0
        while True:
            page = await self._list(self._control, key, upload_id, after)
            for part in page.get("Parts", ()):
                number = int(part["PartNumber"])
                found[number] = PartInfo(number, int(part["Size"]), plain_etag(part["ETag"]))
            last = max(found, default=0)
            if not page.get("IsTruncated") or last <= after:
                return [found[number] for number in sorted(found)]
            after = last

    async def _list(
        self, control: Control, key: str, upload_id: str, after: int
    ) -> Mapping[str, Any]:
        _require_id(upload_id)
        try:
            return await control.call(
                "list_parts",
                Key=self._location.name(key),
                UploadId=upload_id,
                PartNumberMarker=after,
            )
        except NotFound:
            raise no_upload() from None

    async def complete(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Join; an error is believed only after a look at the object.

        ``Invalid`` (``size_mismatch``) where the store made an object of another length.
        """
        size = require_joinable(parts)
        named = [{"PartNumber": part.part_number, "ETag": f'"{part.etag}"'} for part in parts]
        _require_id(upload_id)
        try:
            await self._control.call(
                "complete_multipart_upload",
                Key=self._location.name(key),
                UploadId=upload_id,
                MultipartUpload={"Parts": named},
            )
        except WrongState:
            raise
        except CimaiseError as fault:
            return await self._joined_before(key, size, len(parts), fault)
        info = await self._made(key)
        if info.size != size:
            raise size_mismatch(size)
        return info

    async def _made(self, key: str) -> ObjectInfo:
        """What the store says it has made. Some lose sight of it while they join it once more."""
        for pause_s in _PAUSES_S:
            try:
                return await head(self._control, self._location, key)
            except NotFound:
                await asyncio.sleep(pause_s)
        return await head(self._control, self._location, key)

    async def _joined_before(
        self, key: str, size: int, count: int, fault: CimaiseError
    ) -> ObjectInfo:
        """The object, where an earlier call or this very one made it; otherwise ``fault``."""
        try:
            info = await head(self._control, self._location, key)
        except NotFound:
            raise no_upload() if isinstance(fault, NotFound) else fault from None
        # Most stores end the ETag of a joined object with the number of its parts.
        if info.size != size or info.etag.partition("-")[2] not in ("", str(count)):
            raise fault
        return info

    async def abort(self, key: str, upload_id: str) -> None:
        """Free all parts; again where one slipped in at the same moment."""
        name = self._location.name(key)
        if not _UPLOAD_ID.fullmatch(upload_id):
            return
        for _ in range(_ABORTS):
            try:
                await self._cleanup.call("abort_multipart_upload", Key=name, UploadId=upload_id)
                await self._list(self._cleanup, key, upload_id, 0)
            except NotFound:
                return

    async def unfinished(self, keys: Collection[str] | None = None) -> AsyncIterator[Unfinished]:
        """As far as the store lists them; a store that has no such list has none."""
        prefixes = [self._location.prefix] if keys is None else map(self._location.name, keys)
        for prefix in prefixes:
            async for name, upload in self._begun(prefix):
                if keys is None or name == prefix:
                    key = name.removeprefix(self._location.prefix)
                    yield Unfinished(key, str(upload["UploadId"]), upload["Initiated"])

    async def _begun(self, prefix: str) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        """All pages of the store's list. Some stores say that there is more and not where."""
        after: dict[str, Any] = {}
        while True:
            try:
                page = await self._cleanup.call("list_multipart_uploads", Prefix=prefix, **after)
            except Unavailable as fault:
                if fault.code == "not_supported":
                    return
                raise
            for upload in page.get("Uploads", ()):
                yield str(upload["Key"]), upload
            key, upload_id = page.get("NextKeyMarker"), page.get("NextUploadIdMarker")
            following = {"KeyMarker": key, "UploadIdMarker": upload_id}
            if not page.get("IsTruncated") or not key or not upload_id or following == after:
                return
            after = following

    async def drop(self, key: str, upload_id: str) -> None:
        """Abort what failed, also while being cancelled; another failure would hide the first."""
        try:
            await asyncio.shield(self.abort(key, upload_id))
        except CimaiseError:
            return
