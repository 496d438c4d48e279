import asyncio
from collections.abc import Callable

import pytest

from cimaise.access.accounts.first_start import FirstAccount, prepare_first_account
from cimaise.access.policy import Role
from cimaise.database.engine import Database, open_database
from cimaise.errors import Gone
from tests.conftest import StandingClock
from tests.kit.access import HOUR_S, Access


@pytest.fixture
def prepare(access: Access) -> Callable[..., asyncio.Future[FirstAccount]]:
    def call(database: Database | None = None):
        return prepare_first_account(
            database or access.database,
            clock=access.clock,
            new_id=access.new_id,
            sign_in_ttl_s=HOUR_S,
        )

    return call


async def test_the_first_start_makes_an_admin_and_a_link_that_works_once(access: Access, prepare):
    first = await prepare()
    assert (first.account.name, first.account.role) == ("admin", Role.ADMIN)
    assert await access.sessions.use_sign_in(first.sign_in_token) == first.account
    with pytest.raises(Gone):
        await access.sessions.use_sign_in(first.sign_in_token)


async def test_the_link_ends_by_itself(access: Access, prepare, clock: StandingClock):
    first = await prepare()
    clock.advance(HOUR_S)
    with pytest.raises(Gone):
        await access.sessions.use_sign_in(first.sign_in_token)


async def test_every_later_start_gives_the_same_account_and_no_link(access: Access, prepare):
    first = await prepare()
    again = await prepare()
    assert again.account == first.account
    assert again.sign_in_token is None
    assert len(await access.accounts.list_accounts(None)) == 1


async def test_of_processes_that_start_at_once_one_makes_the_account(
    access: Access, prepare, database_url: str, tmp_path
):
    others = [open_database(database_url, data_dir=tmp_path) for _ in range(3)]
    try:
        results = await asyncio.gather(*(prepare(database) for database in others))
    finally:
        for database in others:
            database.close()
    assert len({result.account.id for result in results}) == 1
    assert sum(result.sign_in_token is not None for result in results) == 1
    assert len(await access.accounts.list_accounts(None)) == 1
    assert [row[1] for row in await access.audited()] == ["account.created"]


async def test_a_disabled_first_account_is_not_made_again(access: Access, prepare):
    await prepare()
    await access.accounts.disable(None, "admin")
    again = await prepare()
    assert again.account.disabled_at is not None
    assert again.sign_in_token is None


async def test_an_admin_made_before_the_first_start_is_taken_as_the_first(access: Access, prepare):
    ann, _ = await access.member("ann", Role.ADMIN)
    first = await prepare()
    assert first.account.principal == ann
    assert first.sign_in_token is None
    assert (await prepare()).account == first.account


async def test_members_that_are_there_already_do_not_stand_in_the_way(access: Access, prepare):
    await access.member("admin")
    await access.member("admin-2")
    first = await prepare()
    assert (first.account.name, first.account.role) == ("admin-3", Role.ADMIN)
    assert first.sign_in_token is not None
    assert (await prepare()).account == first.account
