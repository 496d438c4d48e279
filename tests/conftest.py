"""What every test may ask for: a database of each kind, a clock that stands still."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpcore2
import hypothesis
import pytest
from httpx2._config import DEFAULT_TIMEOUT_CONFIG

from cimaise.database.engine import Database, open_database
from cimaise.database.migrate import migrate
from tests.kit.backends import further, left_out
from tests.kit.examples import examples
from tests.kit.postgres import ABSENT, PostgresServer, binaries, running_postgres
from tests.kit.redis_server import ABSENT as NO_REDIS
from tests.kit.redis_server import RedisServer, running_redis
from tests.kit.s3 import CannotStart, S3Server, start_swift, start_versitygw
from tests.kit.schema import sqlite_with_schema

PATIENCE_S: Final = 120.0
TEMPLATE: Final = "template_cimaise"
_numbers = itertools.count(1)
FAR: Final = frozenset({"browser", "swift", "versitygw"})
"""Fixtures that start what takes seconds: tests that ask for one of them are slow."""
# How long an example takes says nothing on a machine that does other things as well.
hypothesis.settings.register_profile("cimaise", deadline=None, max_examples=examples(100))
hypothesis.settings.load_profile("cimaise")


@pytest.fixture(scope="session", autouse=True)
def _cheap_and_patient_clients() -> Iterator[None]:
    """Clients share the system's certificates, which take longer to read than most requests.

    They wait for as long as a server may take on a machine with other work, not for 5 seconds.
    """
    once = httpcore2.default_ssl_context()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", lambda **_: once)
        for phase in ("connect", "read", "write", "pool"):
            patch.setattr(DEFAULT_TIMEOUT_CONFIG, phase, PATIENCE_S)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what asks for a browser or for an S3 server."""
    for item in items:
        if not FAR.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


class StandingClock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def catch_up(self) -> None:
        """Stand still at the real time, for those who talk to real servers."""
        self.now = datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> StandingClock:
    """2026-03-09 10:11:12 UTC until advanced."""
    return StandingClock()


@pytest.fixture
def new_id() -> Callable[[], str]:
    """Ids in a row: id000001, id000002, …"""
    numbers = itertools.count(1)
    return lambda: f"id{next(numbers):06}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server whose database ``template_cimaise`` has the schema."""
    if binaries() is None:
        left_out(ABSENT)
    with running_postgres() as server:
        server.run(f"create database {TEMPLATE}")
        filled = open_database(server.url(TEMPLATE), data_dir=Path("/"))
        migrate(filled)
        filled.close()
        yield server


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """An empty Redis server of the test's own."""
    if shutil.which("redis-server") is None:
        left_out(NO_REDIS)
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A Swift server with its S3 face."""
    try:
        server = start_swift(tmp_path_factory.mktemp("swift"))
    except CannotStart as fault:
        left_out(str(fault))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A versitygw server for this process of the run."""
    try:
        server = start_versitygw(tmp_path_factory.mktemp("versitygw"))
    except CannotStart as fault:
        left_out(str(fault))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite_template() -> bytes:
    """A SQLite file that has the schema."""
    return sqlite_with_schema()


@pytest.fixture(scope="session")
def emptied() -> list[str]:
    """PostgreSQL databases that a test has used and that have no rows any more."""
    return []


@pytest.fixture
def new_database(
    request: pytest.FixtureRequest, tmp_path: Path, emptied: list[str]
) -> Iterator[Callable[[str], str]]:
    """Makes an empty database with the schema, by kind; gives its URL."""
    made: list[str] = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            file = tmp_path / "test.db"
            file.write_bytes(sqlite_with_schema())
            return f"sqlite:///{file}"
        server: PostgresServer = request.getfixturevalue("postgres")
        if not emptied:
            emptied.append(f"test_{next(_numbers)}")
            server.run(f"create database {emptied[-1]} template {TEMPLATE}")
        made.append(emptied.pop())
        return server.url(made[-1])

    yield make
    for name in made:
        server = request.getfixturevalue("postgres")
        if server.empty(name, TEMPLATE):
            emptied.append(name)
        else:
            server.run(f"drop database {name} with (force)")


@pytest.fixture(params=["sqlite", *further("postgresql")])
def database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """URL of an empty database with the schema, of each kind in turn."""
    return new_database(request.param)


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """An open database with the schema, of each kind in turn."""
    opened = open_database(database_url, data_dir=tmp_path)
    yield opened
    opened.close()
