"""A sink for storages that only know parts of one size, such as buckets.

Whole parts are written as they fill. What does not fill a part is held in memory, and kept as an
object of its own (the *tail*) when the request ends or nothing comes; whoever goes on reads it
back. Parts are recorded with their ETags: one that a stopped process overwrites later than that
is found out when they are joined.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from cimaise import telemetry
from cimaise.errors import CimaiseError, Limit, NotFound, TooLarge, WrongState
from cimaise.library.discarded import note_discarded
from cimaise.storage.base import PartInfo
from cimaise.storage.keys import incoming_key
from cimaise.uploads.gate import UNDECLARED
from cimaise.uploads.plan import MAX_PARTS
from cimaise.uploads.stores import Stores
from cimaise.uploads.tus import rows
from cimaise.uploads.tus.rows import TusUpload

_MARGIN: Final = timedelta(days=1)
"""How much longer than an upload its tail is left alone."""


class PartsSink:
    """See :class:`cimaise.uploads.tus.sinks.Sink`. Holds at most one part in memory."""

    def __init__(self, stores: Stores, upload: TusUpload, *, on_trial: bool) -> None:
        assert upload.session.part_size is not None
        self._stores = stores
        self._found = upload  # as it was taken over: where undo goes back to
        self._part_size = upload.session.part_size
        self._on_trial = on_trial
        self._parts = 0  # written, recorded or not
        self._written = 0  # bytes in them
        self._kept = 0  # bytes recorded, the tail's included
        self._unrecorded: list[PartInfo] = []
        self._pieces: list[bytes] = []  # behind the last part
        self._held = 0  # bytes in them
        self._is_loaded = False
        self._tail: str | None = None  # as recorded
        self._own_tail: str | None = None

    async def start(self) -> int:
        """Take the upload over. Its tail is read when it is needed."""
        self._found = await self._stores.database.write(
            lambda connection: rows.claim(connection, self._found.id)
        )
        self._kept, self._tail = self._found.kept_bytes, self._found.tail_key
        self._written = self._kept - self._found.tail_bytes
        self._parts = self._written // self._part_size
        return self._kept

    async def add(self, pieces: list[bytes]) -> None:
        """Hold the bytes, and write every part that they fill."""
        await self._load()
        for piece in pieces:
            rest = piece
            while self._held + len(rest) >= self._part_size:
                room = self._part_size - self._held
                self._hold(rest[:room])
                rest = rest[room:]
                await self._write_part()
            self._hold(rest)

    def _hold(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._held += len(piece)

    def now(self) -> None:
        """Bytes are gathered to parts first."""

    async def head(self, size: int) -> bytes:
        """As long as they are held: a part is longer than what is looked at."""
        if self._written:
            return b""
        head = bytearray()
        for piece in self._pieces:
            head += piece[: size - len(head)]
            if len(head) == size:
                break
        return bytes(head)

    async def rest(self) -> None:
        """Keep the tail, unless it is on trial."""
        if self._has_news and not self._on_trial:
            await self._record_rest()

    async def keep(self, *, length: int | None) -> int:
        """Write what is held: as the last part where it is that, otherwise as the tail."""
        tail_bytes = self._held if self._is_loaded else self._found.tail_bytes
        if tail_bytes and self._written + tail_bytes == length:
            await self._load()
            await self._write_part()
        if self._has_news:
            await self._record_rest()
        for key in {self._found.tail_key, self._own_tail} - {self._tail, None}:
            await self._delete(key)
        return self._kept

    @property
    def _has_news(self) -> bool:
        return self._is_loaded and self._written + self._held != self._kept

    async def undo(self) -> None:
        """Back to the parts and the tail that were there; neither has been touched."""
        found = self._found
        first = (found.kept_bytes - found.tail_bytes) // self._part_size + 1

        def work(connection: Connection) -> None:
            rows.drop_parts(connection, found.id, range(first, self._parts + 1))
            rows.record(
                connection,
                found,
                kept_bytes=found.kept_bytes,
                tail_key=found.tail_key,
                tail_bytes=found.tail_bytes,
            )

        await self._stores.database.write(work)
        if self._own_tail is not None:
            await self._delete(self._own_tail)

    async def _load(self) -> None:
        """Read the tail back, once."""
        key, size = self._found.tail_key, self._found.tail_bytes
        if not self._is_loaded and key is not None and size:
            try:
                async with self._stores.storage.open(key, stop=size) as reading:
                    async for chunk in reading.chunks:
                        self._hold(chunk)
            except NotFound:
                await self._lose_tail()
        self._is_loaded = True

    async def _lose_tail(self) -> None:
        """Somebody removed it from the storage: go on from the last whole part."""
        await self._record([], kept=self._written, tail=None)
        raise WrongState("The end of the upload was lost: ask for the offset and go on.")

    async def _write_part(self) -> None:
        number, size = self._parts + 1, self._held
        if number > MAX_PARTS:
            limit = Limit("parts", MAX_PARTS)
            raise TooLarge("The upload is longer than this storage can take.", limit=limit)
        await self._require_ours()
        multipart, session = self._stores.storage.multipart, self._found.session
        assert multipart is not None
        assert session.storage_upload_id is not None
        part = await multipart.write(
            session.storage_key, session.storage_upload_id, number, _each(self._pieces), size=size
        )
        self._parts, self._written = number, self._written + size
        self._pieces, self._held = [], 0
        if self._on_trial:
            self._unrecorded.append(part)
        else:
            await self._record([part], kept=self._written, tail=None)

    async def _require_ours(self) -> None:
        now = await self._stores.database.read(
            lambda connection: rows.find(connection, self._found.id)
        )
        if now.generation != self._found.generation:
            raise WrongState("Somebody else goes on with this upload.", code="taken_over")

    async def _record_rest(self) -> None:
        """What is held becomes the tail; it and all parts are recorded."""
        if self._held:
            key = await self._tail_key()
            try:
                await self._stores.storage.write(
                    key, _each(self._pieces), content_type=UNDECLARED, size=self._held
                )
                await self._record(self._unrecorded, kept=self._written + self._held, tail=key)
            except WrongState:
                await self._delete(key)
                raise
        else:
            await self._record(self._unrecorded, kept=self._written, tail=None)
        self._unrecorded = []

    async def _tail_key(self) -> str:
        """A key that nobody else writes to, written down before anything lies there."""
        if self._own_tail is not None:
            return self._own_tail
        key = incoming_key(self._stores.new_id)
        until = self._stores.expiry() + _MARGIN
        await self._stores.database.write(
            lambda connection: note_discarded(
                connection, [key], not_before=until, reason="tail of an upload"
            )
        )
        self._own_tail = key
        return key

    async def _record(self, parts: Sequence[PartInfo], *, kept: int, tail: str | None) -> None:
        def work(connection: Connection) -> None:
            rows.record(
                connection,
                self._found,
                kept_bytes=kept,
                tail_key=tail,
                tail_bytes=self._held if tail is not None else 0,
            )
            if parts:
                rows.add_parts(connection, self._found.id, parts)
            rows.touch(connection, self._found.id, self._stores.expiry())

        await self._stores.database.write(work)
        self._kept, self._tail = kept, tail

    async def _delete(self, key: str | None) -> None:
        """Now, if that is possible; the clean-up has it on its list."""
        try:
            await self._stores.storage.delete([] if key is None else [key])
        except CimaiseError as fault:
            telemetry.log("storage_failed", level="warning", fault=fault, upload=self._found.id)


async def delete_tail(stores: Stores, upload_id: str) -> None:
    """Delete the tail of an upload that has ended, if it has one; the clean-up has it on its list."""
    upload = await stores.database.read(lambda connection: rows.find(connection, upload_id))
    if upload.tail_key is not None:
        try:
            await stores.storage.delete([upload.tail_key])
        except CimaiseError as fault:
            telemetry.log("storage_failed", level="warning", fault=fault, upload=upload_id)


async def _each(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
