"""Who is at a stream: its session lives as long as bytes flow, and hardly longer.

A stream cannot be resumed. So when its process dies, what it had reserved is worth nothing, and
is given back minutes later, not when an ordinary session would be over.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, update

from cimaise.database.engine import Database
from cimaise.database.schema import uploads
from cimaise.uploads.session import State, Strategy

LEASE: Final = timedelta(minutes=10)
"""Longer than the server lets a body pause."""

_RENEW_AFTER: Final = timedelta(minutes=2)


class StreamLeases:
    """The streams of this process. They are renewed together, by whichever of them flows."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._held: set[str] = set()
        self._renewed_at = clock()

    def until(self) -> datetime:
        """When a lease that begins now runs out."""
        return self._clock() + LEASE

    def hold(self, upload_id: str) -> None:
        """This process is at it."""
        self._held.add(upload_id)

    def let_go(self, upload_id: str) -> None:
        """It is no more; letting go twice is as once."""
        self._held.discard(upload_id)

    async def renew(self) -> None:
        """Bytes flow: every two minutes this is written down; at other times it costs nothing."""
        now = self._clock()
        if now - self._renewed_at < _RENEW_AFTER:
            return
        self._renewed_at = now
        held = list(self._held)

        def work(connection: Connection) -> None:
            connection.execute(
                update(uploads)
                .where(
                    uploads.c.id.in_(held),
                    uploads.c.strategy == Strategy.STREAM.value,
                    uploads.c.state == State.COMPLETING.value,
                )
                .values(expires_at=now + LEASE)
            )

        await self._database.write(work)
