"""A process that asks for one variant, made by whoever is alone at it; run by test_kept.py.

Arguments: folder of the cache, of the locks, of the machines' storage (or "-"), of what all
processes know, number of processes, own number.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cimaise.images.keeping.alone import Alone
from cimaise.images.keeping.cache import Cache
from cimaise.images.keeping.entry import Entry, make_etag
from cimaise.images.keeping.kept import Kept
from cimaise.images.keeping.shared_cache import SharedCache
from cimaise.settings import StorageSettings
from cimaise.state.table import open_state
from cimaise.storage.table import open_storage


def wait_for_all(common: Path, count: int) -> None:
    """Until every process has asked for what this one is making."""
    while len(list(common.glob("asked-*"))) < count:
        time.sleep(0.001)


async def main(
    cache_dir: Path, locks: Path, bucket: str, common: Path, count: int, number: int
) -> None:
    state = open_state("local:", data_dir=common)
    shared = None
    if bucket != "-":
        shared = SharedCache(
            open_storage(
                StorageSettings(url=f"file://{bucket}"), data_dir=common, signing_secret=b"s" * 32,
                public_url="http://127.0.0.1", now=lambda: datetime.now(UTC),
            )
        )  # fmt: skip
    cache = Cache(cache_dir, max_bytes=1_000_000)
    await cache.start()
    kept = Kept(cache, shared=shared, alone=Alone(locks, fleet=state if shared else None))

    async def make() -> Entry:
        with (common / "made").open("a") as file:
            file.write(f"{number}\n")
        await asyncio.to_thread(wait_for_all, common, count)
        body = f"made by {number}".encode()
        return Entry(body, "image/webp", make_etag(body), 1, 1, 1)

    (common / f"asked-{number}").touch()
    entry = await kept.once("source", "variant", make)
    sys.stdout.write(entry.body.decode())
    await kept.close()
    await state.close()


if __name__ == "__main__":
    cache_, locks_, bucket_, common_, count_, number_ = sys.argv[1:]
    asyncio.run(main(Path(cache_), Path(locks_), bucket_, Path(common_), int(count_), int(number_)))
