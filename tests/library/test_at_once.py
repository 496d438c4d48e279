"""What two do at the same moment, and names that look like ids."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select

from cimaise.access.policy import MemberRole, Principal, Role
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, collections, discarded_objects, files, memberships
from cimaise.library.arrangement import Arrangement
from cimaise.library.collections import Collections
from cimaise.library.discarded import note_discarded
from tests.conftest import StandingClock

ANN = Principal("ann-id", "ann", Role.ADMIN)


@pytest.fixture
async def library(database: Database, clock: StandingClock, new_id: Any) -> Collections:
    def people(connection: Connection) -> None:
        for account_id, name in (("mallory-id", "ann-id"), ("ann-id", "ann"), ("bob-id", "bob")):
            values = {"id": account_id, "name": name, "role": "member", "created_at": clock()}
            connection.execute(insert(accounts).values(**values))

    await database.write(people)
    made = Collections(database, clock, new_id)
    for name in ("a", "b"):
        await made.create(ANN, name)
    return made


async def test_an_account_is_meant_by_its_id_before_another_by_its_name(library: Collections):
    member = await library.set_member(ANN, "a", "ann-id", MemberRole.VIEWER)
    assert member.account_id == "ann-id"
    assert (await library.set_member(ANN, "a", "bob", MemberRole.VIEWER)).account_id == "bob-id"


async def test_one_member_is_set_by_many_at_once(library: Collections, database: Database):
    roles = [MemberRole.VIEWER, MemberRole.CONTRIBUTOR] * 8
    await asyncio.gather(*(library.set_member(ANN, "a", "bob", role) for role in roles))
    found = await database.read(lambda connection: connection.execute(select(memberships)).all())
    assert len(found) == 1


async def test_one_key_is_given_up_by_many_at_once(database: Database, clock: StandingClock):
    def give_up(connection: Connection) -> None:
        note_discarded(connection, ["k2", "k1", "k2"], not_before=clock(), reason="test")

    await asyncio.gather(*(database.write(give_up) for _ in range(16)))
    keys = select(discarded_objects.c.storage_key).order_by(discarded_objects.c.storage_key)
    found = await database.read(lambda connection: list(connection.scalars(keys)))
    assert found == ["k1", "k2"]


async def test_opposite_moves_lock_collections_in_one_order(
    library: Collections, database: Database, clock: StandingClock
):
    ids = {one.name: one.id for one in await library.list(ANN)}
    locked: list[str] = []

    def put(connection: Connection) -> None:
        for name in ("a", "b"):
            connection.execute(
                insert(files).values(
                    id=name, collection_id=ids[name], owner_id="ann-id", filename="f.zip",
                    title="", note="", size=1, content_type="application/zip", etag="e",
                    is_picture=False, created_at=clock(), published_at=clock(),
                )
            )  # fmt: skip

    await database.write(put)

    def look(_connection: Any, statement: Any, _many: Any, values: Any, _options: Any) -> None:
        if getattr(statement, "is_update", False) and statement.table is collections:
            locked.extend(one for one in statement.compile().params.values() if one in ids.values())

    arrangement = Arrangement(database, clock)
    event.listen(database._writer, "before_execute", look)
    for file_id, to in (("a", "b"), ("b", "a")):
        locked.clear()
        await arrangement.move(ANN, file_id, to)
        assert locked[:2] == sorted(ids.values())
    event.remove(database._writer, "before_execute", look)
