"""Copying inside the bucket: one call, or parts where the object is too long for one."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from cimaise.storage.base import ObjectInfo, PartInfo
from cimaise.storage.checks import MAX_PART_NUMBER
from cimaise.storage.s3.control import Control
from cimaise.storage.s3.location import Location
from cimaise.storage.s3.multipart import S3Multipart
from cimaise.storage.s3.wire import plain_etag

_GIB: Final = 1024**3


@dataclass(frozen=True, slots=True)
class CopySizes:
    """Bytes: the longest object that one call copies, the shortest part of others.

    S3 copies up to 5 GiB in a call, and answers when that is done: a limit that is nearer keeps it
    within the time that an answer may take.
    """

    single: int = _GIB
    part: int = _GIB


async def copy(
    location: Location,
    control: Control,
    multipart: S3Multipart,
    *,
    source: ObjectInfo,
    source_name: str,
    target: str,
    sizes: CopySizes,
) -> None:
    """Copy that very version to ``target``, or raise ``PreconditionFailed``.

    Args:
        location: The bucket.
        control: Copies.
        multipart: Joins the parts of a long copy.
        source: What is there.
        source_name: How the bucket calls it.
        target: A key.
        sizes: When to copy in parts.
    """
    version: dict[str, Any] = {
        "CopySource": {"Bucket": location.bucket, "Key": source_name},
        "CopySourceIfMatch": f'"{source.etag}"',
    }
    if source.size <= sizes.single:
        await control.call_long("copy_object", Key=location.name(target), **version)
        return
    part_size = max(sizes.part, -(-source.size // MAX_PART_NUMBER))
    upload_id = await multipart.create(
        target,
        content_type=source.content_type or "application/octet-stream",
        part_size=part_size,
    )
    version |= {"Key": location.name(target), "UploadId": upload_id}
    copies = [
        asyncio.ensure_future(
            _copy_part(control, number, start, min(start + part_size, source.size), version)
        )
        for number, start in enumerate(range(0, source.size, part_size), 1)
    ]
    try:
        await multipart.complete(target, upload_id, await asyncio.gather(*copies))
    except BaseException:
        for pending in copies:
            pending.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        await multipart.drop(target, upload_id)
        raise


async def _copy_part(
    control: Control, number: int, start: int, stop: int, version: dict[str, Any]
) -> PartInfo:
    reply = await control.call_long(
        "upload_part_copy",
        PartNumber=number,
        CopySourceRange=f"bytes={start}-{stop - 1}",
        **version,
    )
    return PartInfo(number, stop - start, plain_etag(reply["CopyPartResult"]["ETag"]))
