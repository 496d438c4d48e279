import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cimaise.access.accounts.rows import Account, add_account
from cimaise.access.policy import Role
from tests.kit.access import Access
from tests.kit.examples import examples


async def test_a_subject_that_is_an_id_is_that_account(access: Access):
    ann, _ = await access.member("ann", Role.ADMIN)
    assert (await access.subjects.account(ann.account_id)).principal == ann


async def test_a_subject_that_is_a_name_is_that_account(access: Access):
    ann, _ = await access.member("ann", Role.ADMIN)
    assert (await access.subjects.account("ann")).principal == ann


async def test_a_name_that_somebody_chose_for_themselves_is_no_subject_s(access: Access):
    await self_named(access, "maria")
    account = await access.subjects.account("maria")
    assert account.id != "self-named"
    assert account.name.startswith("maria~")
    assert await access.subjects.account("maria") == account


async def test_a_subject_that_came_first_keeps_its_name(access: Access):
    account = await access.subjects.account("maria")
    assert account.name == "maria"
    assert not await self_named(access, "maria")
    assert await access.subjects.account("maria") == account


async def self_named(access: Access, name: str) -> bool:
    """Somebody registers under a name; whether it was free."""
    new = Account(
        "self-named", name, Role.MEMBER, 0, None, None, None, access.clock(), is_self_named=True
    )
    return await access.database.write(lambda connection: add_account(connection, new, by=None))


async def test_an_id_counts_before_a_name(access: Access):
    ann, _ = await access.member("ann")
    await access.member(ann.account_id)
    assert (await access.subjects.account(ann.account_id)).principal == ann


@pytest.mark.parametrize(
    ("subject", "start"),
    [
        ("carl", "carl"),
        ("auth0|64f1c2", "auth0-64f1c2~"),
        ("Carl@Example.org", "carl-example-org~"),
        ("Ünï", "n~"),
        ("北京", "account~"),
        ("x" * 255, "x" * 40 + "~"),
    ],
)
async def test_a_new_subject_gets_a_member_s_account_and_finds_it_again(
    access: Access, subject: str, start: str
):
    account = await access.subjects.account(subject)
    assert account.role is Role.MEMBER
    assert account.name.startswith(start)
    assert await access.subjects.account(subject) == account
    assert await access.accounts.find_by_name(account.name) == account
    rows = await access.audited()
    assert [row[:3] for row in rows] == [(None, "account.created", account.id)]


@pytest.mark.parametrize("subject", ["Admin", "ADMIN", "admin!", " admin", "admin\u200b", "@admin"])
async def test_what_only_looks_like_an_admin_s_name_is_somebody_else(access: Access, subject: str):
    admin, _ = await access.member("admin", Role.ADMIN)
    account = await access.subjects.account(subject)
    assert account.id != admin.account_id
    assert account.role is Role.MEMBER


async def test_a_subject_that_is_another_s_made_name_is_somebody_else(access: Access):
    ann = await access.subjects.account("Ann@Example.org")
    assert (await access.subjects.account(ann.name)).id != ann.id


async def test_a_disabled_account_is_found_and_not_made_anew(access: Access):
    ann = await access.subjects.account("Ann@Example.org")
    await access.accounts.disable(None, ann.name)
    again = await access.subjects.account("Ann@Example.org")
    assert again.id == ann.id
    assert again.disabled_at is not None


async def test_of_many_first_requests_at_once_one_makes_the_account(access: Access):
    found = await asyncio.gather(*(access.subjects.account("new one") for _ in range(10)))
    assert len({account.id for account in found}) == 1
    assert len(await access.accounts.list_accounts(None)) == 1


@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=st.text(min_size=1, max_size=255).filter(str.isprintable))
def test_every_subject_that_a_token_may_have_gets_an_account(access: Access, subject: str):
    account = asyncio.run(access.subjects.account(subject))
    assert asyncio.run(access.subjects.account(subject)) == account
