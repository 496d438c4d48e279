"""However many pictures arrive at once, only a few are held whole in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cimaise.images.codec import read_header
from cimaise.settings.sections.stores import StorageSettings
from cimaise.storage.base import Reading
from cimaise.uploads.inspect import FIRST_BYTES, WHOLE_AT_ONCE, inspect_object, open_places
from tests.kit import samples
from tests.kit.bodies import chunked
from tests.kit.uploading import made_storage

LARGE = samples.drawn(".gif") + bytes(FIRST_BYTES)
AT_ONCE = 8


class Watched:
    """A storage that tells how many long readings are open, and keeps them waiting."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.open_now = 0
        self.most = 0
        self.all_waiting = asyncio.Event()
        self.goes_on = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def open(self, key: str, **more: Any) -> AsyncIterator[Reading]:
        """As the storage does."""
        is_long = (more.get("stop") or 0) > FIRST_BYTES
        async with self._inner.open(key, **more) as reading:
            if is_long:
                self.open_now += 1
                self.most = max(self.most, self.open_now)
                if self.open_now == WHOLE_AT_ONCE:
                    self.all_waiting.set()
                await self.goes_on.wait()
            yield reading
            self.open_now -= is_long


async def test_pictures_that_are_read_whole_wait_for_each_other(tmp_path: Path):
    storage = made_storage(StorageSettings(url="memory:"), tmp_path, lambda: datetime.now(UTC))
    watched, places = Watched(storage), open_places()

    async def inspect(number: int) -> int:
        key = f"objects/{number}"
        await storage.write(key, chunked(LARGE), content_type="image/gif", size=len(LARGE))
        found = await inspect_object(
            watched,
            key,
            filename="a.gif",
            declared_type=None,
            declared_sha256=None,
            hash_all=False,
            read_header=read_header,
            whole_at_once=places,
        )
        return found.size

    tasks = [asyncio.create_task(inspect(number)) for number in range(AT_ONCE)]
    await watched.all_waiting.wait()
    watched.goes_on.set()
    assert await asyncio.gather(*tasks) == [len(LARGE)] * AT_ONCE
    assert watched.most == WHOLE_AT_ONCE
    await storage.close()
