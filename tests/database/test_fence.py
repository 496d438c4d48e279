import pytest
from sqlalchemy import Connection, func, insert, select

from cimaise.database.engine import Database
from cimaise.database.fence import require_newest
from cimaise.database.schema import facts
from cimaise.errors import WrongState


def add(connection: Connection) -> None:
    connection.execute(insert(facts).values(name="x", value="y"))


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(facts)).scalar_one()


async def test_the_newest_holder_writes_as_often_as_it_likes(database: Database):
    for token in (5, 5, 6):
        await database.write(lambda connection: require_newest(connection, name="a", token=token))  # noqa: B023 (awaited)
    await database.write(lambda connection: require_newest(connection, name="b", token=1))


async def test_whoever_comes_late_writes_nothing(database: Database):
    await database.write(lambda connection: require_newest(connection, name="a", token=6))
    late = database.guarded(lambda connection: require_newest(connection, name="a", token=5))
    with pytest.raises(WrongState) as caught:
        await late.write(add)
    assert caught.value.code == "lease_lost"
    with pytest.raises(WrongState):
        late.run_now(add)
    assert await late.read(count) == 0
    await database.write(add)  # the guard is the twin's alone
