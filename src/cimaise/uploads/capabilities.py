"""What the storage was found to do, kept between runs: finding it out costs twenty requests."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from cimaise.database.engine import Database
from cimaise.database.schema import facts
from cimaise.storage.base import Storage

_NAME: Final = "storage_capabilities"
_GOOD_FOR: Final = timedelta(days=7)
"""Stores are upgraded without telling anybody."""


class _Known(msgspec.Struct):
    url: str  # its digest: what was found is another storage's where it is another one
    at: datetime
    can: dict[str, bool | str]


class Capabilities:
    """Finds out, and remembers for a week."""

    def __init__(
        self, database: Database, storage: Storage, clock: Callable[[], datetime], url: str
    ) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock
        self._url = sha256(url.encode()).hexdigest()

    async def known(self) -> Mapping[str, bool | str]:
        """What was found in the last week, or is found now.

        ``Unavailable`` where the storage cannot be tried out. Empty for a storage about which
        there is nothing to find out.
        """
        kept = await self._database.read(_kept)
        if kept is not None and kept.url == self._url and self._clock() - kept.at < _GOOD_FOR:
            return kept.can
        return await self.look_again()

    async def look_again(self) -> Mapping[str, bool | str]:
        """Find out now."""
        if self._storage.upkeep is None:
            return {}
        can = dict(await self._storage.upkeep.capabilities())
        found = _Known(self._url, self._clock(), can)
        await self._database.write(lambda connection: _keep(connection, found))
        return can


def _kept(connection: Connection) -> _Known | None:
    text = connection.execute(select(facts.c.value).where(facts.c.name == _NAME)).scalar()
    try:
        return msgspec.json.decode(text, type=_Known) if text else None
    except msgspec.DecodeError:
        return None  # written by another version


def _keep(connection: Connection, found: Any) -> None:
    connection.execute(delete(facts).where(facts.c.name == _NAME))
    text = msgspec.json.encode(found).decode()
    connection.execute(insert(facts).values(name=_NAME, value=text))
