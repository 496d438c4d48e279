"""Reading an object of the bucket: one GET, so one version."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from cimaise.errors import BrokenTransfer, Unavailable
from cimaise.storage.base import ObjectInfo
from cimaise.storage.checks import CHUNK_BYTES
from cimaise.storage.s3.wire import plain_etag

_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)
_PARTIAL: Final = 206


def range_headers(start: int, stop: int | None, if_etag: str | None) -> dict[str, str]:
    """Headers of a GET for ``start`` to ``stop`` (exclusive) of that very version."""
    headers = {}
    if start or stop is not None:
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    if if_etag is not None:
        headers["If-Match"] = f'"{if_etag}"'
    return headers


@dataclass(frozen=True, slots=True)
class Answer:
    """What a GET gives: the object's facts and the stretch that follows."""

    info: ObjectInfo
    start: int
    stop: int


def read_answer(key: str, reply: aiohttp.ClientResponse) -> Answer:
    """Facts from the headers; ``Unavailable`` where they cannot be trusted."""
    found = _CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", ""))
    length = reply.content_length
    if reply.status == _PARTIAL and found:
        start, stop, size = int(found[1]), int(found[2]) + 1, int(found[3])
    elif reply.status != _PARTIAL and length is not None:
        start, stop, size = 0, length, length
    else:
        raise Unavailable("The storage does not say which bytes it sends.")
    info = ObjectInfo(
        key,
        size,
        plain_etag(reply.headers.get("ETag", "")),
        parsedate_to_datetime(reply.headers.get("Last-Modified", "")),
        reply.headers.get("Content-Type"),
    )
    return Answer(info, start, stop)


async def body_of(reply: aiohttp.ClientResponse, length: int) -> AsyncIterator[bytes]:
    """Exactly ``length`` bytes, or ``BrokenTransfer``."""
    left = length
    try:
        while left:
            chunk = await reply.content.read(min(CHUNK_BYTES, left))
            if not chunk:
                break
            left -= len(chunk)
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as fault:
        raise BrokenTransfer("The storage stopped in the middle.") from fault
    if left:
        raise BrokenTransfer("The storage sent less than it said.")


async def nothing() -> AsyncIterator[bytes]:
    """The body of an empty object."""
    empty: tuple[bytes, ...] = ()
    for chunk in empty:
        yield chunk
