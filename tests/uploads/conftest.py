from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cimaise.database.engine import open_database
from cimaise.settings import StorageSettings
from tests.conftest import StandingClock
from tests.kit.backends import further
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.uploading import Uploading, made_storage

PAIRS = ["sqlite-file", *further("sqlite-memory", "postgresql-file", "sqlite-s3")]
"""Each database and each storage at least once; their own contracts run on every one."""


@pytest.fixture
def storage_settings(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    """The storage of the pair that the test runs on."""
    kind = request.node.callspec.params["uploading"].partition("-")[2]
    if kind == "memory":
        return StorageSettings(url="memory:")
    if kind == "file":
        return StorageSettings(url=f"file://{tmp_path}/storage")
    server: S3Server = request.getfixturevalue("swift")
    return StorageSettings(
        url=server.url(make_bucket(server, f"bucket-{abs(hash(tmp_path))}")),
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
    )


@pytest.fixture(params=PAIRS)
async def uploading(
    request: pytest.FixtureRequest,
    storage_settings: StorageSettings,
    new_database: Callable[[str], str],
    clock: StandingClock,
    new_id: Callable[[], str],
    tmp_path: Path,
) -> AsyncIterator[Uploading]:
    """Direct uploads on a pair of backends."""
    if request.param.endswith("s3"):
        clock.catch_up()  # the server compares with its own
    database = open_database(new_database(request.param.partition("-")[0]), data_dir=tmp_path)
    storage = made_storage(storage_settings, tmp_path, clock)
    made = Uploading(database, storage, clock, new_id)
    await made.prepare()
    yield made
    await storage.close()
    database.close()
