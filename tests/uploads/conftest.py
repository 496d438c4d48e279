from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cimaise.database.engine import Database
from tests.conftest import StandingClock
from tests.kit.uploading import Uploading, local_storage


@pytest.fixture(params=["memory", "file"])
async def uploading(
    request: pytest.FixtureRequest,
    database: Database,
    clock: StandingClock,
    new_id: Callable[[], str],
    tmp_path: Path,
) -> AsyncIterator[Uploading]:
    """Direct uploads on each database and each local storage."""
    storage = local_storage(request.param, tmp_path, clock)
    made = Uploading(database, storage, clock, new_id)
    await made.prepare()
    yield made
    await storage.close()
