from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import Connection, select

from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import audit

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


def add(connection: Connection, subject: str) -> None:
    record(
        connection,
        at=NOON,
        account_id=None,
        action="thing.happened",
        subject=subject,
        details={"name": "Ünï", "size": 3, "none": None, "list": ["a"]},
    )


async def test_a_row_says_what_was_recorded(database: Database):
    await database.write(lambda connection: add(connection, "one"))
    row = await database.read(lambda connection: connection.execute(select(audit)).one())
    assert (row.at, row.account_id, row.action, row.subject) == (
        NOON,
        None,
        "thing.happened",
        "one",
    )
    assert row.details == {"name": "Ünï", "size": 3, "none": None, "list": ["a"]}


async def test_rows_are_numbered_in_order(database: Database):
    for subject in ("one", "two", "three"):
        await database.write(partial(add, subject=subject))
    statement = select(audit.c.subject).order_by(audit.c.id)
    subjects = await database.read(lambda connection: connection.scalars(statement).all())
    assert subjects == ["one", "two", "three"]


async def test_the_row_goes_with_the_change_that_failed(database: Database):
    def half(connection: Connection) -> None:
        add(connection, "one")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(half)
    assert await database.read(lambda connection: connection.execute(select(audit)).all()) == []
