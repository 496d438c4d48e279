"""Counts of usage do not grow for ever."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from cimaise.database.engine import Database
from cimaise.database.schema import usage_counts
from cimaise.usage import KEPT, forget_old_usage
from tests.conftest import StandingClock


async def test_days_of_more_than_a_year_ago_are_forgotten(database: Database, clock: StandingClock):
    days = [(clock() - KEPT - timedelta(days=ago)).date().isoformat() for ago in (0, 1)]

    def count(connection: Connection) -> None:
        common: dict[str, Any] = {"account_id": "ann", "measure": "requests", "amount": 1}
        connection.execute(insert(usage_counts), [{"day": day, **common} for day in days])

    await database.write(count)
    assert await forget_old_usage(database, clock()) == 1
    left = select(usage_counts.c.day)
    assert await database.read(lambda connection: list(connection.scalars(left))) == days[:1]
