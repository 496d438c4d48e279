"""One statement that makes or changes a row, the same on every database."""

from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from cimaise.database.engine import Database
from cimaise.database.schema import usage_counts
from cimaise.database.upsert import upsert
from cimaise.errors import Unavailable

KEY = ("day", "account_id", "measure")


def row(measure: str, amount: int) -> dict[str, Any]:
    return {"day": "2026-03-09", "account_id": "ann", "measure": measure, "amount": amount}


async def executed(database: Database, *statements: Any) -> dict[str, int]:
    def work(connection: Connection) -> dict[str, int]:
        for statement in statements:
            connection.execute(statement, [row("a", 2), row("b", 3)])
        return {one.measure: one.amount for one in connection.execute(select(usage_counts))}

    return await database.write(work)


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ({"add": ("amount",)}, {"a": 12, "b": 3}),
        ({"replace": ("amount",)}, {"a": 2, "b": 3}),
        ({}, {"a": 10, "b": 3}),
    ],
)
async def test_a_row_that_is_there_is_changed_and_another_is_made(
    database: Database, what: dict[str, Any], left: dict[str, int]
):
    def there(connection: Connection) -> None:
        connection.execute(upsert(usage_counts, KEY), row("a", 10))

    await database.write(there)
    assert await executed(database, upsert(usage_counts, KEY, **what)) == left


@pytest.mark.parametrize("code", ["40P01", "40001"])
async def test_two_that_are_in_each_others_way_are_told_to_come_again(
    database: Database, code: str
):
    if database.dialect != "postgresql":
        pytest.skip("SQLite has one writer")
    statement = text(f"do $$ begin raise sqlstate '{code}'; end $$")
    with pytest.raises(Unavailable) as refusal:
        await database.write(lambda connection: connection.execute(statement))
    assert (refusal.value.code, refusal.value.retry_after_s) == ("busy", 1)
