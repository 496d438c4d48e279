import asyncio
import threading
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection

from cimaise.access.accounts import accounts
from cimaise.access.accounts import changes as account_changes
from cimaise.access.policy import GUEST, Principal, Role, Scope
from cimaise.errors import Forbidden, Invalid, NotFound, NotSignedIn, WrongState
from tests.conftest import StandingClock
from tests.kit.access import ROOT, Access


async def test_a_new_account_can_be_found_and_its_key_works(access: Access, clock: StandingClock):
    account, key = await access.accounts.create(
        None, name="ann", role=Role.ADMIN, daily_bytes=10, daily_files=2, total_bytes=0
    )
    assert (account.name, account.role, account.points) == ("ann", Role.ADMIN, 0)
    assert (account.daily_bytes, account.daily_files, account.total_bytes) == (10, 2, 0)
    assert account.created_at == clock()
    assert await access.accounts.find(account.id) == account
    assert await access.accounts.find_by_name("ann") == account
    principal = await access.authenticator().authenticate(f"Bearer {key}", None)
    assert principal == Principal(account.id, "ann", Role.ADMIN)


async def test_limits_that_are_not_set_stay_unset(access: Access):
    account, _ = await access.accounts.create(None, name="ann")
    assert account.role is Role.MEMBER
    assert (account.daily_bytes, account.daily_files, account.total_bytes) == (None, None, None)
    assert await access.accounts.find(account.id) == account


async def test_a_name_that_is_taken_changes_nothing(access: Access):
    await access.accounts.create(None, name="ann")
    before = await access.audited()
    with pytest.raises(WrongState) as caught:
        await access.accounts.create(None, name="ann", role=Role.ADMIN)
    assert caught.value.code == "already_exists"
    assert await access.audited() == before


async def test_of_two_that_take_a_name_at_once_one_gets_it(access: Access):
    results = await asyncio.gather(
        *(access.accounts.create(None, name="ann") for _ in range(8)), return_exceptions=True
    )
    failed = [result for result in results if isinstance(result, BaseException)]
    assert len(failed) == 7
    assert all(isinstance(fault, WrongState) for fault in failed)
    assert len(await access.accounts.list_accounts(None)) == 1
    assert [row[1] for row in await access.audited()] == ["account.created", "key.created"]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": "Ann"}),
        ("name", {"name": ""}),
        ("name", {"name": "a\0b"}),
        ("role", {"name": "ann", "role": Role.GUEST}),
        ("daily_bytes", {"name": "ann", "daily_bytes": -1}),
        ("total_bytes", {"name": "ann", "total_bytes": 2**63}),
        ("daily_files", {"name": "ann", "daily_files": 2**31}),
    ],
)
async def test_a_refused_field_is_named(access: Access, field: str, values: dict[str, Any]):
    with pytest.raises(Invalid) as caught:
        await access.accounts.create(None, **values)
    assert caught.value.field == field


async def test_the_greatest_limits_fit_the_database(access: Access):
    account, _ = await access.accounts.create(
        None, name="ann", daily_bytes=2**63 - 1, daily_files=2**31 - 1, total_bytes=2**63 - 1
    )
    assert await access.accounts.find(account.id) == account


async def test_only_admins_make_list_and_disable_accounts(access: Access):
    member, _ = await access.member("ann")
    narrow = Principal(member.account_id, "ann", Role.MEMBER, (Scope.READ,))
    for principal, error in ((GUEST, NotSignedIn), (member, Forbidden), (narrow, Forbidden)):
        with pytest.raises(error):
            await access.accounts.create(principal, name="bob")
        with pytest.raises(error):
            await access.accounts.list_accounts(principal)
        with pytest.raises(error):
            await access.accounts.disable(principal, "ann")


async def test_accounts_are_listed_by_name_disabled_ones_too(access: Access):
    for name in ("carl", "ann", "bob"):
        await access.accounts.create(ROOT, name=name)
    await access.accounts.disable(ROOT, "bob")
    listed = await access.accounts.list_accounts(ROOT)
    assert [account.name for account in listed] == ["ann", "bob", "carl"]
    assert [account.disabled_at is None for account in listed] == [True, False, True]


async def test_a_disabled_account_can_do_nothing(access: Access, clock: StandingClock):
    ann, key = await access.member("ann")
    cookie = await access.sessions.start(ann.account_id)
    token = await access.sessions.issue_sign_in(ann.account_id)
    door = access.authenticator()
    await door.authenticate(f"Bearer {key}", None)
    await door.authenticate(None, cookie)

    account = await access.accounts.disable(ROOT, "ann")

    assert account.disabled_at == clock()
    for header, value in ((f"Bearer {key}", None), (None, cookie)):
        with pytest.raises(NotSignedIn) as caught:
            await door.authenticate(header, value)
        assert caught.value.code == "bad_credentials"
    with pytest.raises(NotSignedIn):
        await access.sessions.use_sign_in(token)
    with pytest.raises(NotSignedIn):
        await access.sessions.start(ann.account_id)
    with pytest.raises(NotSignedIn):
        await access.sessions.issue_sign_in(ann.account_id)


async def test_disabling_twice_keeps_the_first_time_and_one_audit_row(
    access: Access, clock: StandingClock
):
    await access.member("ann")
    first = await access.accounts.disable(ROOT, "ann")
    clock.advance(60)
    assert await access.accounts.disable(ROOT, "ann") == first
    assert [row[1] for row in await access.audited()].count("account.disabled") == 1


async def test_the_last_admin_cannot_be_disabled_from_within(access: Access):
    ann, _ = await access.member("ann", Role.ADMIN)
    bob, _ = await access.member("bob", Role.ADMIN)
    await access.accounts.disable(ann, "bob")
    with pytest.raises(WrongState):
        await access.accounts.disable(ann, "ann")
    assert (await access.accounts.disable(None, "ann")).disabled_at is not None
    assert bob.account_id != ann.account_id


async def test_two_admins_who_disable_each_other_at_once_leave_one(
    access: Access, monkeypatch: pytest.MonkeyPatch
):
    ann, _ = await access.member("ann", Role.ADMIN)
    bob, _ = await access.member("bob", Role.ADMIN)
    both_have_looked = threading.Barrier(2)
    look = account_changes.require_other_admin

    def look_and_meet(connection: Connection, name: str) -> None:
        look(connection, name)
        with suppress(threading.BrokenBarrierError):  # right: the second is kept from looking
            both_have_looked.wait(timeout=0.2)

    monkeypatch.setattr(accounts, "require_other_admin", look_and_meet)
    results = await asyncio.gather(
        access.accounts.disable(ann, "bob"),
        access.accounts.disable(bob, "ann"),
        return_exceptions=True,
    )
    assert sum(isinstance(result, WrongState) for result in results) == 1
    left = [
        account for account in await access.accounts.list_accounts(None) if not account.disabled_at
    ]
    assert len(left) == 1


@pytest.mark.parametrize("text", ["nobody", "", "a\0b", "\ud800", "x" * 500, "' or 1=1 --"])
async def test_what_is_absent_is_not_found_whatever_is_asked_for(access: Access, text: str):
    with pytest.raises(NotFound):
        await access.accounts.find(text)
    with pytest.raises(NotFound):
        await access.accounts.find_by_name(text)
    with pytest.raises(NotFound):
        await access.accounts.disable(None, text)


async def test_the_record_says_who_made_and_disabled_whom(access: Access):
    ann, _ = await access.accounts.create(ROOT, name="ann")
    await access.accounts.disable(None, "ann")
    rows = await access.audited()
    assert rows[0] == ("root", "account.created", ann.id, {"name": "ann", "role": "member"})
    assert rows[1][:2] == ("root", "key.created")
    assert rows[2] == (None, "account.disabled", ann.id, {"name": "ann"})
