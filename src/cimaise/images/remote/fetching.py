"""Fetching pictures by URL, without becoming anybody's way into a private network.

Every address is checked when the name has been resolved **and** again on the very socket that is
about to connect: names that change their address in between, hosts written as numbers and
redirects all pass through the second check.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yarl import URL

from cimaise.errors import TypeNotAllowed, UpstreamFailed, UpstreamTimedOut
from cimaise.images.formats import HEAD_BYTES, Format, sniff
from cimaise.images.places import Places
from cimaise.images.remote.addresses import HTTPS_PORT, Network
from cimaise.images.remote.guarded_http import Resolve, is_refusal, resolve_by_system
from cimaise.images.remote.urls import parse_remote_url, refused
from cimaise.images.spool import Spool

if TYPE_CHECKING:
    import aiohttp


MAX_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_CHUNK_BYTES: Final = 256 * 1024
_UNSAID: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_VALIDATOR: Final = re.compile(r"[\x20-\x7e]{1,256}")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MEDIA_TYPE: Final = re.compile(r"image/[a-z0-9][a-z0-9.+-]{0,60}")
_HEADERS: Final[Mapping[str, str]] = {
    "Accept": "image/avif,image/webp,image/*;q=0.8",
    "Accept-Encoding": "identity",  # a packed body could hide how large it is
    "User-Agent": "cimaise",
}


@dataclass(frozen=True, slots=True)
class Validators:
    """What another server calls a version of a picture (RFC 9110 section 8.8); empty: nothing."""

    etag: str = ""
    last_modified: str = ""

    def conditions(self) -> dict[str, str]:
        """Headers that ask for another version only (RFC 9110 section 13.1)."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A remote picture; valid inside the context that gave it.

    Attributes:
        source: The bytes, or the path of a temporary file where they are many.
        media_type: As the first bytes say.
        url: Where it was found, after redirects.
        size: Bytes.
        digest: SHA-256 of the bytes, in hexadecimal.
        validators: To ask again with.
    """

    source: bytes | Path
    media_type: str
    url: str
    size: int
    digest: str
    validators: Validators


NOTHING_KNOWN: Final = Validators()


class Remote:
    """Fetches pictures by https. Belongs to one event loop; ``close`` it."""

    def __init__(
        self,
        *,
        timeout_s: float = 15.0,
        max_bytes: int = 100 * 1024 * 1024,
        allowed_hosts: Sequence[str] = (),
        allow_addresses: Sequence[Network] = (),
        ca_file: str = "",
        folder: Path | None = None,
        at_once: int = 64,
        queue: int = 200,
        resolve: Resolve = resolve_by_system,
    ) -> None:
        """Open nothing yet.

        Args:
            timeout_s: For everything from the name to the last byte, redirects included.
            max_bytes: Longest body.
            allowed_hosts: Hosts that may be fetched from; empty: any public one.
            allow_addresses: Networks that are allowed although they are not public; on any port.
            ca_file: Further CA certificates (PEM).
            folder: Where large bodies lie while they are used; must exist. ``None``: the system's.
            at_once: Fetched pictures at the same time, from the request to the end of their use.
            queue: Fetches that may wait.
            resolve: From names to addresses.
        """
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._allowed_hosts = tuple(allowed_hosts)
        self._exceptions = tuple(allow_addresses)
        self._further = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self._folder = folder
        self._places = Places(at_once=at_once, queue=queue)
        self._resolve = resolve
        self._session: aiohttp.ClientSession | None = None

    def parse(self, text: str) -> URL:
        """Check what can be checked without asking anybody; ``Malformed`` where it is refused."""
        url = parse_remote_url(text, self._allowed_hosts)
        if url.port != HTTPS_PORT and not self._exceptions:
            raise refused("only port 443 is fetched from")
        return url

    @asynccontextmanager
    async def fetch(
        self, text: str, known: Validators = NOTHING_KNOWN
    ) -> AsyncIterator[Fetched | None]:
        """Fetch a picture; its bytes are gone when the context ends, also after cancellation.

        Args:
            text: Its address.
            known: Of the version that is known already: ``None`` is given where it is still that.

        Raises:
            Malformed: ``url_not_allowed``, for this address or one that it redirects to.
            UpstreamFailed: The other server cannot be reached or does not answer 200.
            UpstreamTimedOut: It took longer than ``timeout_s``.
            TooLarge: More than ``max_bytes``.
            TypeNotAllowed: Declared as something that is no picture, or none by its first bytes.
            Unavailable: ``busy``; too many fetches already.
        """
        url = self.parse(text)
        async with self._places.held():
            spool = Spool(max_bytes=self._max_bytes, folder=self._folder)
            try:
                yield await self._download(url, spool, known)
            finally:
                spool.discard()

    async def close(self) -> None:
        """Close connections. Nothing else may be called afterwards."""
        if self._session is not None:
            await self._session.close()

    async def _download(self, url: URL, spool: Spool, known: Validators) -> Fetched | None:
        import aiohttp  # noqa: PLC0415 (loaded by those who need it: 9 MB)

        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(url, spool, known)
        except TimeoutError:
            raise UpstreamTimedOut("The other server did not send the picture in time.") from None
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            if is_refusal(fault):
                raise refused("it leads to an address that is not public") from None
            raise UpstreamFailed("The other server could not be reached or broke off.") from fault

    async def _follow(self, url: URL, spool: Spool, known: Validators) -> Fetched | None:
        conditions = known.conditions()
        headers = {**_HEADERS, **conditions}
        for _ in range(MAX_REDIRECTS + 1):
            async with self._client().get(url, headers=headers, allow_redirects=False) as response:
                if response.status == _NOT_MODIFIED and conditions:
                    return None
                if response.status not in _REDIRECTS:
                    return await _received(response, url, spool)
                url = self.parse(_target(url, response.headers.get("Location", "")))
        raise UpstreamFailed("The other server redirects too often.")

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            from cimaise.images.remote.guarded_session import open_session  # noqa: PLC0415 (with aiohttp)

            self._session = open_session(
                tls=self._tls(), exceptions=self._exceptions, resolve=self._resolve
            )
        return self._session

    def _tls(self) -> ssl.SSLContext:
        """The system's certificates, which take a while to read, and the further ones."""
        if self._further is None:
            return ssl.create_default_context()
        self._further.load_default_certs()
        return self._further


def _target(url: URL, location: str) -> str:
    if not location or not location.isascii() or not location.isprintable() or "\\" in location:
        raise UpstreamFailed("The other server redirects to nowhere.")
    if _ABSOLUTE.match(location):
        return location  # to be read as strictly as what a client sends
    return str(url.join(URL(location)))


async def _received(response: aiohttp.ClientResponse, url: URL, spool: Spool) -> Fetched:
    if response.status != _OK:
        raise UpstreamFailed(f"The other server answered {response.status}.")
    _require_declared(response.headers.get("Content-Type", ""))
    spool.require_room(response.content_length or 0)
    head, digest = b"", hashlib.sha256()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        if len(head) < HEAD_BYTES:
            head += chunk[:HEAD_BYTES]
            if len(head) >= HEAD_BYTES:
                _require_picture(head)
        digest.update(chunk)
        await spool.write(chunk)
    return Fetched(
        source=await spool.finish(),
        media_type=_require_picture(head).media_type,
        url=str(url),
        size=spool.size,
        digest=digest.hexdigest(),
        validators=_validators(response),
    )


def _require_declared(content_type: str) -> None:
    """A server may say nothing of the type, or that it does not know it; but not another one."""
    declared = content_type.partition(";")[0].strip().lower()
    if declared not in _UNSAID and not _MEDIA_TYPE.fullmatch(declared):
        raise TypeNotAllowed("The other server did not send a picture.", code="not_an_image")


def _require_picture(head: bytes) -> Format:
    known = sniff(head[:HEAD_BYTES])
    if known is None:
        raise TypeNotAllowed("What the other server sent is no picture.", code="not_an_image")
    return known


def _validators(response: aiohttp.ClientResponse) -> Validators:
    """Only what can be sent back as it came."""
    found = (response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    etag, modified = (text if _VALIDATOR.fullmatch(text) else "" for text in found)
    return Validators(etag, modified)
