"""Bytes to and from the bucket: requests of our own, signed, with a known length, unbuffered."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Final

import aiohttp
from yarl import URL

from cimaise.errors import CimaiseError
from cimaise.rfc.sigv4 import Signer, encode_query
from cimaise.storage.s3.location import Location
from cimaise.storage.s3.refusals import error_code, refusal, unreachable

_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
_READ_BUFFER_BYTES: Final = 512 * 1024
_ERROR_BYTES: Final = 64 * 1024
_DONE: Final = frozenset({200, 201, 204, 206})
_NOT_OURS: Final = ("Accept-Encoding", "User-Agent", "Content-Type")


class Wire:
    """Connections to one bucket, as one account."""

    def __init__(
        self,
        location: Location,
        signer: Signer,
        *,
        now: Callable[[], datetime],
        note: Callable[[str], None],
    ) -> None:
        """Nothing is opened before the first request; ``note`` is told each by S3's name for it."""
        self._location = location
        self._signer = signer
        self._now = now
        self._note = note
        self._session: aiohttp.ClientSession | None = None

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        size: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Send a body of ``size`` bytes; the ETag without quotation marks.

        What ``chunks`` raises is raised as it is; the connection is then cut, so that the store
        sees that the body is not whole.
        """
        body = _Body(chunks)
        length = {"Content-Length": str(size), **(headers or {})}
        try:
            async with self._request("PUT", key, query or {}, length, body) as reply:
                return plain_etag(reply.headers.get("ETag", ""))
        except (aiohttp.ClientError, TimeoutError, OSError, CimaiseError) as fault:
            if body.fault is not None:
                raise body.fault from None
            if isinstance(fault, CimaiseError):
                raise
            raise unreachable() from fault

    @asynccontextmanager
    async def get(
        self, key: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Begin to read; the connection is cut where the body was not read to its end."""
        async with AsyncExitStack() as stack:
            try:
                request = self._request("GET", key, {}, headers, None)
                reply = await stack.enter_async_context(request)
            except (aiohttp.ClientError, TimeoutError, OSError) as fault:
                raise unreachable() from fault
            stack.callback(reply.close)
            yield reply

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: "_Body | None",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        path = self._location.path(key)
        signed = self._signer.sign_headers(
            method, self._location.host, path, now=self._now(), query=query, headers=headers
        )
        self._note(_name_of(method, query))
        async with self._opened().request(
            method,
            URL(self._location.url(path, encode_query(query)), encoded=True),
            headers=signed,
            data=body,
            allow_redirects=False,
        ) as reply:
            if reply.status not in _DONE:
                raise refusal(reply.status, error_code(await reply.content.read(_ERROR_BYTES)))
            yield reply

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=_TIMEOUT,
                auto_decompress=False,  # bytes come as they are stored
                read_bufsize=_READ_BUFFER_BYTES,
                skip_auto_headers=_NOT_OURS,
            )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()


def _name_of(method: str, query: Mapping[str, str]) -> str:
    if method == "GET":
        return "GetObject"
    return "UploadPart" if "partNumber" in query else "PutObject"


class _Body:
    """Chunks as the client wants them, and what they raised: the client wraps it beyond use."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks
        self.fault: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                yield chunk
        except Exception as fault:
            self.fault = fault
            raise


def plain_etag(text: str) -> str:
    """An ETag without quotation marks, whether a store sends them or not."""
    return text.removeprefix("W/").strip('"')
