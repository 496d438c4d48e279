"""The storage itself, in a bucket."""

import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from cimaise.errors import NotFound, RangeNotSatisfiable, Unavailable
from cimaise.rfc.sigv4 import Signer
from cimaise.storage.base import ObjectInfo, Reading
from cimaise.storage.checks import require_declared, require_etag, span
from cimaise.storage.keys import require_key
from cimaise.storage.s3.control import Control, Credentials
from cimaise.storage.s3.copying import CopySizes, copy
from cimaise.storage.s3.foreign import S3Foreign
from cimaise.storage.s3.location import Location
from cimaise.storage.s3.multipart import S3Multipart, head
from cimaise.storage.s3.presigner import S3Presigner
from cimaise.storage.s3.reading import body_of, nothing, range_headers, read_answer
from cimaise.storage.s3.roles import Roles
from cimaise.storage.s3.upkeep import S3Upkeep
from cimaise.storage.s3.wire import Wire, plain_etag
from cimaise.storage.s3.writing import Writer, WriteSizes

_BATCH: Final = 1000  # most that one call deletes or lists
_THREADS: Final = 8


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who does what: reads and writes, signs URLs for others, deletes."""

    main: Credentials
    presigner: Credentials
    cleanup: Credentials


class S3Storage:
    """See :class:`cimaise.storage.base.Storage`."""

    is_local = False

    def __init__(
        self,
        location: Location,
        accounts: Accounts,
        *,
        now: Callable[[], datetime],
        random: Callable[[], str] = lambda: secrets.token_hex(16),
        binds_checksums: bool = False,
        write_sizes: WriteSizes | None = None,
        copy_sizes: CopySizes | None = None,
        note: Callable[[str], None] = lambda request: None,  # noqa: ARG005 (nobody counts)
    ) -> None:
        """Nothing is connected yet.

        Args:
            location: The bucket.
            accounts: Credentials by what they are for; the same thrice is fine.
            now: The time, aware UTC; requests are signed with it.
            random: Texts that nobody can guess, for objects of checks.
            binds_checksums: Declared SHA-256 sums are signed into URLs, for the store to verify.
            write_sizes: When a body goes out in parts.
            copy_sizes: When a copy is made in parts.
            note: Told each request to the bucket by S3's name for it, such as ``PutObject``, when
                it is sent: other tries of the same call too. Called in the thread of the loop.
        """
        self._location = location
        self._roles = _roles(location, accounts, note)
        self._control, self._cleanup = self._roles.main, self._roles.cleanup
        self._wire = Wire(location, _signer(location, accounts.main), now=now, note=note)
        self.multipart = S3Multipart(location, self._control, self._cleanup, self._wire)
        self.appends = None
        self._writer = Writer(self._wire, self.multipart, write_sizes or WriteSizes())
        self._copy_sizes = copy_sizes or CopySizes()
        signer = _signer(location, accounts.presigner)
        self.presigner = S3Presigner(location, signer, now=now, binds_checksums=binds_checksums)
        self.signed_door = None
        self.sweeper = None
        self.foreign = S3Foreign(location, self._roles, self.multipart, self._copy_sizes)
        self.upkeep = S3Upkeep(location, self._roles, signer, now=now, random=random)

    async def stat(self, key: str) -> ObjectInfo:
        """Size, ETag, date and type."""
        return await head(self._control, self._location, key)

    def open(
        self, key: str, *, start: int = 0, stop: int | None = None, if_etag: str | None = None
    ) -> AbstractAsyncContextManager[Reading]:
        """Read a stretch of bytes with one GET."""
        return self._open(key, start, stop, if_etag)

    @asynccontextmanager
    async def _open(
        self, key: str, start: int, stop: int | None, if_etag: str | None
    ) -> AsyncIterator[Reading]:
        if start < 0 or (stop is not None and stop <= start):
            yield await self._open_empty(key, start, stop, if_etag)
            return
        async with AsyncExitStack() as stack:
            try:
                request = self._wire.get(key, range_headers(start, stop, if_etag))
                reply = await stack.enter_async_context(request)
            except RangeNotSatisfiable:  # the answer does not say how long the object is
                reading = await self._open_empty(key, start, stop, if_etag)
            else:
                answer = read_answer(key, reply)
                require_etag(if_etag, answer.info.etag)
                first, end = span(start, stop, answer.info.size)
                if first != answer.start or end > answer.stop:
                    raise Unavailable("The storage sends other bytes than it was asked for.")
                reading = Reading(answer.info, first, end, body_of(reply, end - first))
            yield reading

    async def _open_empty(
        self, key: str, start: int, stop: int | None, if_etag: str | None
    ) -> Reading:
        """A range that only an empty object has; ``RangeNotSatisfiable`` for any other."""
        info = await self.stat(key)
        require_etag(if_etag, info.etag)
        first, end = span(start, stop, info.size)
        if first != end:
            raise Unavailable("The storage refused a range that the object has.")
        return Reading(info, first, end, nothing())

    async def write(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        content_type: str,
        size: int | None = None,
        max_bytes: int | None = None,
    ) -> ObjectInfo:
        """Store an object, and look what is there then."""
        require_key(key)
        require_declared(size, max_bytes)
        length = await self._writer.write(
            key, chunks, content_type=content_type, size=size, max_bytes=max_bytes
        )
        info = await self.stat(key)
        if info.size != length:
            raise Unavailable("The storage has other bytes than it was sent.")
        return info

    async def move(self, source: str, target: str, *, if_etag: str | None = None) -> ObjectInfo:
        """Copy that version, then delete the source; an object written in parts gets a new ETag."""
        require_key(target)
        info = await self.stat(source)
        require_etag(if_etag, info.etag)
        if source == target:
            return info
        await copy(
            self._location,
            self._control,
            self.multipart,
            source=info,
            source_name=self._location.name(source),
            target=target,
            sizes=self._copy_sizes,
        )
        moved = await self.stat(target)
        if moved.size != info.size:
            raise Unavailable("The storage made a copy that is not whole.")
        await self.delete([source])
        return moved

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, 1,000 a call."""
        names = map(self._location.name, keys)
        while batch := list(islice(names, _BATCH)):
            await self._cleanup.delete(batch)

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object below ``prefix``, 1,000 a call. The type is not known."""
        base = self._location.prefix
        where: dict[str, Any] = {"StartAfter": base + after} if after else {}
        while True:
            page = await self._cleanup.call(
                "list_objects_v2", Prefix=base + prefix, MaxKeys=_BATCH, **where
            )
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(base)
                etag = plain_etag(found["ETag"])
                yield ObjectInfo(key, int(found["Size"]), etag, found["LastModified"])
            if not page.get("IsTruncated"):
                return
            where = {"ContinuationToken": page["NextContinuationToken"]}

    async def check(self) -> None:
        """Ask for the bucket."""
        try:
            await self._control.call("head_bucket")
        except NotFound:
            raise Unavailable("The storage's bucket is not there.") from None

    async def close(self) -> None:
        """Close every connection and end the threads."""
        await self._wire.close()
        self._roles.close()


def _roles(location: Location, accounts: Accounts, note: Callable[[str], None]) -> Roles:
    """Control calls as each account; the same thing where two are the same."""
    made = {
        credentials: Control(location, credentials, threads=_THREADS, note=note)
        for credentials in dict.fromkeys((accounts.main, accounts.presigner, accounts.cleanup))
    }
    return Roles(made[accounts.main], made[accounts.presigner], made[accounts.cleanup])


def _signer(location: Location, credentials: Credentials) -> Signer:
    return Signer(credentials.access_key_id, credentials.secret_access_key, location.region)
