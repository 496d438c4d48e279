"""The audit log as a chain: whatever is done to it afterwards is seen, or refused at once."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from cimaise import telemetry
from cimaise.database.audit import record
from cimaise.database.audit.chain import GENESIS, Entry, chained
from cimaise.database.audit.reading import Wanted, find_entries
from cimaise.database.audit.sealing import Head, find_head, seal, sealed_entries, verify
from cimaise.database.engine import Database
from cimaise.database.schema import audit

NOON = datetime(2026, 3, 9, 12, 0, 0, 123456, tzinfo=UTC)


def note(connection: Connection, subject: str, **details: Any) -> None:
    record(
        connection, at=NOON, account_id="ann", action="thing.done", subject=subject,
        details=details,
    )  # fmt: skip


async def fill(database: Database, count: int) -> Head:
    for number in range(count):
        await database.write(lambda connection: note(connection, f"thing {number}", number=number))  # noqa: B023 (awaited)
    return (await database.write(seal))[1]


async def force(database: Database, *statements: str) -> None:
    """What somebody may do who has the database in their hands: first away with the triggers."""

    def work(connection: Connection) -> None:
        if database.dialect == "sqlite":
            connection.execute(text("drop trigger if exists audit_never_deleted"))
            connection.execute(text("drop trigger if exists audit_never_changed"))
        else:
            connection.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))

    await database.write(work)


async def test_entries_get_places_without_gaps_and_each_is_bound_to_the_one_before(
    database: Database,
):
    head = await fill(database, 3)
    assert head.sequence == 3
    entries = await database.read(lambda connection: list(sealed_entries(connection)))
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    previous = GENESIS
    for entry in entries:
        assert entry.hash == chained(previous, entry.sequence or 0, entry)
        previous = entry.hash
    assert head.hash == previous
    assert await database.read(find_head) == head


async def test_a_chain_that_nobody_touched_is_whole(database: Database):
    head = await fill(database, 3)
    await database.write(lambda connection: note(connection, "not sealed yet"))
    verdict = await database.read(verify)
    assert verdict.is_whole
    assert (verdict.head, verdict.unsealed) == (head, 1)


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("update audit set account_id = 'ben' where sequence = 2", 2),
        ("update audit set details = '{}' where sequence = 3", 3),
        ("update audit set action = 'thing.undone' where sequence = 1", 1),
        ("update audit set origin = '203.0.113.9' where sequence = 4", 4),
        ("delete from audit where sequence = 3", 3),
        ("update audit set sequence = 99 where sequence = 4", 4),
    ],
)
async def test_what_was_changed_removed_or_moved_is_found(
    database: Database, statement: str, broken_at: int
):
    await fill(database, 4)
    await force(database, statement)
    verdict = await database.read(verify)
    assert verdict.broken_at == broken_at
    assert not verdict.is_whole


async def test_a_chain_that_was_written_anew_does_not_have_the_head_that_was_seen(
    database: Database,
):
    seen = await fill(database, 3)
    await fill(database, 2)
    assert (await database.read(lambda connection: verify(connection, known_head=seen.hash))).is_whole  # fmt: skip
    await force(database, "delete from audit where sequence >= 3", "update audit set account_id = 'ben', sequence = null, hash = null")  # fmt: skip
    await database.write(seal)
    assert (await database.read(verify)).is_whole  # by itself it looks well
    verdict = await database.read(lambda connection: verify(connection, known_head=seen.hash))
    assert not verdict.is_whole


def forbidden() -> list[Any]:
    return [
        delete(audit),
        delete(audit).where(audit.c.sequence == 1),
        update(audit).values(account_id="ben"),
        update(audit).where(audit.c.sequence.is_(None)).values(details={"changed": True}),
        update(audit).where(audit.c.sequence == 1).values(hash="0" * 64),
    ]


@pytest.mark.parametrize("statement", forbidden())
async def test_the_database_itself_refuses_to_change_or_delete(database: Database, statement: Any):
    await fill(database, 2)
    await database.write(lambda connection: note(connection, "not sealed yet"))
    with pytest.raises(DBAPIError, match="only grows"):
        await database.write(lambda connection: connection.execute(statement))
    assert (await database.read(verify)).is_whole


async def test_two_processes_that_seal_at_once_make_one_chain(
    database: Database, database_url: str, tmp_path: Any
):
    from cimaise.database.engine import open_database  # noqa: PLC0415

    other = open_database(database_url, data_dir=tmp_path)
    for number in range(40):
        await database.write(lambda connection: note(connection, f"thing {number}"))  # noqa: B023 (awaited)
    await asyncio.gather(*(each.write(seal) for each in (database, other) * 3))
    verdict = await database.read(verify)
    other.close()
    assert (verdict.is_whole, verdict.head.sequence) == (True, 40)


async def test_an_entry_knows_from_where_and_by_which_request(database: Database):
    address = telemetry.client_address.set("203.0.113.7")
    request = telemetry.request_id.set("request-0001")
    try:
        await database.write(lambda connection: note(connection, "x"))
    finally:
        telemetry.client_address.reset(address)
        telemetry.request_id.reset(request)
    [entry] = await database.read(lambda connection: find_entries(connection, Wanted(), limit=9))
    assert (entry.origin, entry.request_id) == ("203.0.113.7", "request-0001")


async def test_entries_are_found_by_action_subject_and_account(database: Database):
    await fill(database, 3)

    async def found(**wanted: Any) -> int:
        return len(await database.read(lambda connection: find_entries(connection, Wanted(**wanted), limit=9)))  # fmt: skip

    assert await found(action="thing.done") == 3
    assert await found(action="thing.*") == 3
    assert await found(action="thing") == 0
    assert await found(action="%*") == 0
    assert await found(subject="thing 1") == 1
    assert await found(account_id="ann", before_id=2) == 1


async def test_a_transaction_that_is_undone_leaves_no_entry(database: Database):
    def half(connection: Connection) -> None:
        note(connection, "x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(half)
    assert await database.read(lambda connection: connection.execute(select(audit)).all()) == []


facts = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(-9, 9), st.text(max_size=5)))


@given(facts, facts, st.text(max_size=5), st.text(max_size=5))
def test_two_entries_have_one_hash_only_where_they_are_the_same(
    first: dict[str, Any], second: dict[str, Any], subject: str, other: str
):
    def entry(details: dict[str, Any], name: str) -> Entry:
        return Entry(1, NOON, None, "thing.done", name, details, None, None)

    same = (first, subject) == (second, other)
    hashes = {chained(GENESIS, 1, entry(first, subject)), chained(GENESIS, 1, entry(second, other))}
    assert (len(hashes) == 1) == same
