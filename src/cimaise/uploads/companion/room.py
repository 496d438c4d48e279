"""Room for bytes whose number nobody has said: reserved as they come.

What has come is counted a little too high on purpose (a part that is sent again counts twice), for
that needs no look at the storage. Only when a limit seems to be passed the stored parts are
measured, so nobody is refused below a limit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from cimaise.access import token_counts
from cimaise.database.engine import Database
from cimaise.database.schema import uploads
from cimaise.errors import Limit, NotFound, TooLarge, WrongState
from cimaise.settings import Quota
from cimaise.storage.base import Storage
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.discard import end_and_remove
from cimaise.uploads.session import State, UploadSession, shown_state

MEASURE_STEP: Final = 80 * 1024 * 1024
"""Where lengths cannot be bound, the stored parts are measured whenever so much was signed for."""


@dataclass(frozen=True, slots=True)
class Room:
    """Makes room for parts, or refuses and frees the whole upload."""

    database: Database
    storage: Storage
    quota: Quota
    clock: Callable[[], datetime]

    async def for_part(
        self, session: UploadSession, part_number: int, size: int, *, max_bytes: int
    ) -> None:
        """Reserve ``size`` bytes for a part that is about to come.

        Raises:
            TooLarge: The upload would have more than ``max_bytes``, or the quota or the upload
                token has no room. The upload is ended, and no byte stays.
            WrongState: It is not taking parts.
        """
        try:
            await self._count(session.id, size, max_bytes)
        except TooLarge:
            await self._measure(session, size, max_bytes, without=part_number)

    async def for_signed(self, session: UploadSession, size: int, *, max_bytes: int) -> None:
        """Reserve for a part of which only the URL is known; nothing binds its length.

        Raises:
            TooLarge, WrongState: As :meth:`for_part`.
        """
        try:
            received = await self._count(session.id, size, max_bytes)
        except TooLarge:
            await self._measure(session, 0, max_bytes)
            return
        if received // MEASURE_STEP > (received - size) // MEASURE_STEP:
            await self._measure(session, 0, max_bytes)

    async def for_all(self, session: UploadSession, size: int) -> UploadSession:
        """Reserve until exactly ``size`` bytes are, and write the session's plan down with it.

        Args:
            session: With its plan.
            size: Bytes of all parts together.

        Raises:
            TooLarge: As :meth:`for_part`.
            WrongState: It was changed meanwhile.
        """

        def work(connection: Connection) -> UploadSession:
            current = _locked(connection, session.id)
            if (current.state, current.attempt) != (session.state, session.attempt):
                raise WrongState("The upload was changed meanwhile.")
            reserved = self._reserve(connection, current, size)
            sessions.note(
                connection,
                current,
                declared_size=session.declared_size,
                part_size=session.part_size,
                part_count=session.part_count,
                reserved_bytes=reserved,
            )
            return sessions.find(connection, session.id)

        try:
            return await self.database.write(work)
        except TooLarge as refusal:
            await self.refuse(session, refusal)
            raise

    async def refuse(self, session: UploadSession, refusal: TooLarge) -> None:
        """End an upload that can never be taken; its bytes and its quota are given back."""
        await end_and_remove(
            self.database,
            self.storage,
            session,
            State.REJECTED,
            now=self.clock(),
            reason=refusal.message,
        )

    async def _count(self, upload_id: str, size: int, max_bytes: int) -> int:
        """Count ``size`` more; gives what has been counted in all."""

        def work(connection: Connection) -> int:
            current = _locked(connection, upload_id)
            return self._set(connection, current, current.received_bytes + size, max_bytes)

        return await self.database.write(work)

    async def _measure(
        self, session: UploadSession, size: int, max_bytes: int, *, without: int = 0
    ) -> None:
        """Count what is stored, apart from the part ``without``, and ``size`` more."""
        stored = await self._stored(session, without)

        def work(connection: Connection) -> None:
            current = _locked(connection, session.id)
            self._set(connection, current, stored + size, max_bytes)

        try:
            await self.database.write(work)
        except TooLarge as refusal:
            await self.refuse(session, refusal)
            raise

    async def _stored(self, session: UploadSession, without: int) -> int:
        assert self.storage.multipart is not None
        assert session.storage_upload_id is not None
        try:
            parts = await self.storage.multipart.parts(
                session.incoming_key, session.storage_upload_id
            )
        except NotFound:
            return 0
        return sum(part.size for part in parts if part.part_number != without)

    def _set(
        self, connection: Connection, current: UploadSession, received: int, max_bytes: int
    ) -> int:
        if current.state is not State.PENDING:
            raise WrongState(f"The upload is {shown_state(current)}.")
        if received > max_bytes:
            limit = Limit("uploads.max_bytes", max_bytes, received)
            raise TooLarge("The file is too large.", limit=limit)
        reserved = self._reserve(connection, current, received)
        sessions.note(connection, current, received_bytes=received, reserved_bytes=reserved)
        return received

    def _reserve(self, connection: Connection, current: UploadSession, size: int) -> int:
        """Reserve what ``size`` bytes need beyond what is; gives the bytes reserved in all."""
        if size > current.reserved_bytes:
            quota.reserve(
                connection,
                current.account_id,
                size=size - current.reserved_bytes,
                now=self.clock(),
                defaults=self.quota,
                files=0,
                day=current.reserved_on,
                token_id=current.token_id,
            )
        elif current.token_id is not None:  # nothing more to count, but is it still good?
            token_counts.take(connection, current.token_id, size=0, files=0, now=self.clock())
        return max(size, current.reserved_bytes)


def _locked(connection: Connection, upload_id: str) -> UploadSession:
    """The session, which nobody else changes before this transaction ends."""
    connection.execute(select(uploads.c.id).where(uploads.c.id == upload_id).with_for_update())
    return sessions.find(connection, upload_id)
