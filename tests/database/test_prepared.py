"""Prepared statements do what the same ones do that are not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Integer, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from cimaise.database.engine import Database
from cimaise.database.prepared import Prepared, PreparedRow
from cimaise.database.schema import accounts, audit, collections, usage_totals
from cimaise.errors import Malformed

AT = datetime(2026, 3, 4, 5, 6, 7, 8, UTC)
ENTRY: dict[str, Any] = {
    "at": AT, "account_id": None, "action": "a.b", "subject": "it", "details": {"x": ["é", 1]},
    "origin": None, "request_id": "r",
}  # fmt: skip
ADD = usage_totals.c.used_bytes + bindparam("more", type_=Integer)


@pytest.fixture(autouse=True)
def ann(database: Database) -> None:
    row = {"id": "ann", "name": "ann", "role": "member", "created_at": AT}
    database.run_now(lambda connection: connection.execute(insert(accounts), row))


def audited(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute(select(*(audit.c[name] for name in ENTRY)))
    return [dict(row._mapping) for row in rows]


def test_a_row_is_made_as_it_is_without_preparing(database: Database):
    prepared = Prepared(insert(audit))

    def work(connection: Connection) -> list[dict[str, Any]]:
        connection.execute(insert(audit), ENTRY)
        for _ in range(2):
            prepared.run(connection, ENTRY)
        return audited(connection)

    assert database.run_now(work) == [ENTRY] * 3


def test_an_update_tells_how_many_rows_it_changed_and_counts_with_what_is_there(
    database: Database,
):
    change = Prepared(
        update(usage_totals)
        .where(usage_totals.c.account_id == bindparam("of_id"), usage_totals.c.used_bytes + 0 < 100)
        .values(used_bytes=ADD)
    )

    def work(connection: Connection) -> tuple[list[int], int]:
        connection.execute(insert(usage_totals), {"account_id": "ann"})
        changed = [
            change.run(connection, {"of_id": name, "more": 60}) for name in ("ann", "bob", "ann")
        ]
        changed.append(change.run(connection, {"of_id": "ann", "more": 60}))
        return changed, connection.execute(select(usage_totals.c.used_bytes)).scalar_one()

    assert database.run_now(work) == ([1, 0, 1, 0], 120)


def test_what_the_database_refuses_is_raised_as_ever(database: Database):
    prepared = Prepared(insert(usage_totals))

    def work(connection: Connection) -> None:
        for _ in range(2):
            prepared.run(connection, {"account_id": "ann"})

    with pytest.raises(IntegrityError):
        database.run_now(work)
    many = Prepared(insert(usage_totals))
    with pytest.raises(Malformed):
        database.run_now(lambda one: many.run(one, {"account_id": "ann", "used_bytes": 1 << 70}))


def test_one_row_is_read_as_it_is_without_preparing(database: Database):
    statement = select(*(audit.c[name] for name in ENTRY), audit.c.action.label("again")).where(
        audit.c.subject == bindparam("of_subject")
    )
    prepared = PreparedRow(statement)

    def work(connection: Connection) -> None:
        connection.execute(insert(audit), ENTRY)
        for _ in range(2):
            row = prepared.first(connection, {"of_subject": "it"})
            assert row == connection.execute(statement, {"of_subject": "it"}).one()
            assert row is not None
            assert dict(row._mapping) == ENTRY | {"again": "a.b"}
            assert (row.details, row.at) == (ENTRY["details"], AT)
            assert prepared.first(connection, {"of_subject": "another"}) is None

    database.run_now(work)


def test_it_goes_and_stays_with_its_transaction(database: Database):
    prepared = Prepared(insert(audit))

    def work(connection: Connection) -> None:
        prepared.run(connection, ENTRY)
        raise LookupError

    with pytest.raises(LookupError):
        database.run_now(work)
    assert database.run_now(audited) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_other_parameters_than_before_are_refused(database: Database):
    prepared = Prepared(insert(usage_totals))
    database.run_now(lambda connection: prepared.run(connection, {"account_id": "ann"}))
    values = {"account_id": "bob", "used_bytes": 1}
    with pytest.raises(ValueError, match="parameters"):
        database.run_now(lambda connection: prepared.run(connection, values))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_list_of_any_length_is_not_prepared(database: Database):
    where = usage_totals.c.account_id.in_(bindparam("of_ids", expanding=True))
    prepared = Prepared(update(usage_totals).where(where).values(used_bytes=0))
    with pytest.raises(ValueError, match="cannot"):
        database.run_now(lambda connection: prepared.run(connection, {"of_ids": ["ann"]}))


def test_a_table_on_which_rights_depend_is_refused():
    with pytest.raises(ValueError, match="collections"):
        Prepared(update(collections))
