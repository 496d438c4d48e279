import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from cimaise.database import migrations
from cimaise.database.engine import Database, database_url, open_database
from cimaise.database.migrate import current_revision, migrate, newest_revision
from cimaise.database.schema import accounts, metadata
from cimaise.errors import Unavailable

NOON = datetime(2026, 3, 9, 12, 0, 0, 123456, tzinfo=UTC)


def add_account(connection: Connection, name: str, created_at: datetime = NOON) -> None:
    connection.execute(
        insert(accounts).values(id=name, name=name, role="member", created_at=created_at)
    )


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(accounts)).scalar_one()


async def test_migrations_make_exactly_the_schema_that_the_code_declares(database: Database):
    differences = await database.read(
        lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
    )
    assert differences == []


async def test_migrating_twice_changes_nothing(database: Database):
    migrate(database)
    assert await database.read(current_revision) == newest_revision()


def test_the_newest_revision_is_the_one_that_alembic_finds():
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert newest_revision() == scripts.get_current_head()


@pytest.mark.slow
def test_a_database_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from cimaise.database.engine import open_database;"
        "from cimaise.database.migrate import migrate;"
        f"database = open_database('', data_dir=Path({str(tmp_path)!r}));"
        "migrate(database); database.close();"
        "print('alembic' in sys.modules)"
    )
    told = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [one.stdout.strip() for one in told] == ["True", "False"]


async def test_what_a_write_returns_is_committed(database: Database):
    await database.write(lambda connection: add_account(connection, "ann"))
    assert await database.read(count) == 1


async def test_a_write_that_raises_changes_nothing(database: Database):
    def half(connection: Connection) -> None:
        add_account(connection, "ann")
        add_account(connection, "ann")

    with pytest.raises(IntegrityError):
        await database.write(half)
    assert await database.read(count) == 0


async def test_times_come_back_aware_and_in_utc(database: Database):
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-7)))
    await database.write(lambda connection: add_account(connection, "ann", elsewhere))
    got = await database.read(
        lambda connection: connection.execute(select(accounts.c.created_at)).scalar_one()
    )
    assert got == NOON
    assert got.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(database: Database):
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(StatementError, match="without a zone"):
        await database.write(lambda connection: add_account(connection, "ann", naive))


async def test_a_write_goes_on_to_its_end_when_its_caller_is_cancelled(database: Database):
    started, loop = asyncio.Event(), asyncio.get_running_loop()

    def slowly(connection: Connection) -> None:
        loop.call_soon_threadsafe(started.set)
        add_account(connection, "ann")

    task = asyncio.create_task(database.write(slowly))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.write(lambda _connection: None)  # behind the first, on both kinds
    database.close()
    assert database.run_now(count) == 1


async def test_a_cancelled_write_is_over_when_its_caller_learns_of_it(database: Database):
    started, may_end, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def slowly(connection: Connection) -> None:
        add_account(connection, "ann")
        loop.call_soon_threadsafe(started.set)
        may_end.wait(20)

    task = asyncio.create_task(database.write(slowly))
    await started.wait()
    for _ in range(2):  # the second one does not change it
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.read(count) == 1


async def test_a_hundred_writers_at_once_all_succeed(database: Database):
    names = [f"account-{number}" for number in range(100)]
    await asyncio.gather(*(database.write(partial(add_account, name=name)) for name in names))
    assert await database.read(count) == 100


async def test_a_server_that_is_away_is_said_to_be_unavailable(tmp_path: Path):
    away = open_database(f"postgresql://x@/x?host={tmp_path}", data_dir=tmp_path, wait_s=1)
    with pytest.raises(Unavailable):
        await away.check()
    away.close()


def test_an_unknown_kind_of_database_is_refused():
    with pytest.raises(ValueError, match="expected postgresql"):
        database_url("mysql://host/db", Path())


async def test_a_transaction_that_cannot_begin_is_refused_and_the_next_one_goes_on(tmp_path: Path):
    def ask(connection: Connection) -> int:
        return connection.execute(text("select 1")).scalar_one()

    database = open_database("", data_dir=tmp_path, wait_s=0.01)
    database.run_now(ask)
    with closing(sqlite3.connect(tmp_path / "cimaise.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(Unavailable):
            await database.write(ask)
        other.execute("rollback")
    assert await database.write(ask) == 1
    database.close()
