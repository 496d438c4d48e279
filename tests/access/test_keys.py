import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cimaise.access.policy import GUEST, Principal, Role, Scope
from cimaise.access.secret_texts import digest_of
from cimaise.database.schema import keys
from cimaise.errors import Forbidden, Invalid, NotFound, NotSignedIn
from tests.conftest import StandingClock
from tests.kit.access import Access, later


async def who(access: Access, text: str) -> Principal:
    return await access.authenticator().authenticate(f"Bearer {text}", None)


async def test_a_new_key_works_at_once_and_only_its_hash_is_stored(access: Access):
    ann, _ = await access.member("ann")
    key, text = await access.keys.create_key(ann, name="laptop")
    assert await who(access, text) == ann
    row = await access.database.read(
        lambda connection: connection.execute(select(keys).where(keys.c.id == key.id)).one()
    )
    assert row.hash == digest_of(text)
    assert text not in str(row)
    assert key.hint == text[:8]
    assert len(key.hint) < len(text) / 4


async def test_a_key_with_scopes_makes_a_principal_with_them(access: Access):
    ann, _ = await access.member("ann")
    key, text = await access.keys.create_key(ann, name="ci", scopes=["upload", "read", "read"])
    assert key.scopes == ("read", "upload")
    assert (await who(access, text)).scopes == ("read", "upload")


async def test_an_admin_s_key_without_the_scope_admin_acts_as_a_member_s(access: Access):
    ann, _ = await access.member("ann", Role.ADMIN)
    _, narrow = await access.keys.create_key(ann, name="narrow", scopes=[Scope.MANAGE])
    _, wide = await access.keys.create_key(ann, name="wide", scopes=[Scope.MANAGE, Scope.ADMIN])
    assert (await who(access, narrow)).role is Role.MEMBER
    assert (await who(access, wide)).role is Role.ADMIN


async def test_a_member_gets_no_key_with_the_scope_admin(access: Access):
    ann, _ = await access.member("ann")
    with pytest.raises(Forbidden):
        await access.keys.create_key(ann, name="more", scopes=[Scope.ADMIN])


async def test_a_limited_key_makes_no_key_that_may_more(access: Access):
    ann, _ = await access.member("ann")
    _, text = await access.keys.create_key(ann, name="manager", scopes=["manage", "read"])
    limited = await who(access, text)
    for scopes in ([], ["upload"], ["manage", "upload"]):
        with pytest.raises(Forbidden):
            await access.keys.create_key(limited, name="more", scopes=scopes)
    key, _ = await access.keys.create_key(limited, name="less", scopes=["read"])
    assert key.scopes == ("read",)


async def test_a_key_without_the_scope_manage_touches_no_keys(access: Access):
    ann, _ = await access.member("ann")
    key, text = await access.keys.create_key(ann, name="up", scopes=["upload"])
    limited = await who(access, text)
    with pytest.raises(Forbidden):
        await access.keys.create_key(limited, name="more", scopes=["upload"])
    with pytest.raises(Forbidden):
        await access.keys.revoke_key(limited, key.id)


@pytest.mark.parametrize("name", ["", " ", "a\0b", "a\nb", "x" * 101, "\ud800"])
async def test_a_bad_name_is_refused(access: Access, name: str):
    ann, _ = await access.member("ann")
    with pytest.raises(Invalid) as caught:
        await access.keys.create_key(ann, name=name)
    assert caught.value.field == "name"


async def test_an_unknown_scope_is_refused(access: Access):
    ann, _ = await access.member("ann")
    with pytest.raises(Invalid) as caught:
        await access.keys.create_key(ann, name="k", scopes=["read", "everything"])
    assert caught.value.field == "scopes"


async def test_an_end_that_is_past_or_has_no_zone_is_refused(access: Access, clock: StandingClock):
    ann, _ = await access.member("ann")
    for end in (clock(), later(clock(), -1), later(clock(), 60).replace(tzinfo=None)):
        with pytest.raises(Invalid) as caught:
            await access.keys.create_key(ann, name="k", expires_at=end)
        assert caught.value.field == "expires_at"


async def test_an_expired_key_is_refused_at_once_though_it_was_just_used(
    access: Access, clock: StandingClock
):
    ann, _ = await access.member("ann")
    _, text = await access.keys.create_key(ann, name="k", expires_at=later(clock(), 60))
    clock.advance(59.5)
    await who(access, text)
    clock.advance(0.5)
    with pytest.raises(NotSignedIn, match="expired"):
        await who(access, text)


async def test_a_revoked_key_is_refused_at_once_though_it_was_just_used(access: Access):
    ann, _ = await access.member("ann")
    key, text = await access.keys.create_key(ann, name="k")
    await who(access, text)
    await access.keys.revoke_key(ann, key.id)
    with pytest.raises(NotSignedIn) as caught:
        await who(access, text)
    assert caught.value.code == "bad_credentials"


async def test_revoking_whose_caller_is_cancelled_is_done_whole(
    access: Access, monkeypatch: pytest.MonkeyPatch
):
    ann, _ = await access.member("ann")
    key, text = await access.keys.create_key(ann, name="k")
    await who(access, text)
    begun, emptied = asyncio.Event(), asyncio.Event()
    write, empty = access.database.write, access.cache.empty

    async def announced(work: Any) -> Any:
        begun.set()
        return await write(work)

    monkeypatch.setattr(access.database, "write", announced)

    def announced_empty() -> None:
        empty()
        emptied.set()

    monkeypatch.setattr(access.cache, "empty", announced_empty)
    task = asyncio.create_task(access.keys.revoke_key(ann, key.id))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await emptied.wait()
    with pytest.raises(NotSignedIn):
        await who(access, text)


async def test_keys_are_listed_newest_first_without_revoked_and_foreign_ones(
    access: Access, clock: StandingClock
):
    ann, _ = await access.member("ann")
    await access.member("bob")
    clock.advance(1)
    second, _ = await access.keys.create_key(ann, name="second", expires_at=later(clock(), 5))
    clock.advance(1)
    third, _ = await access.keys.create_key(ann, name="third", scopes=["read"])
    clock.advance(timedelta(hours=1).total_seconds())
    assert [key.name for key in await access.keys.list_keys(ann)] == ["third", "second", "first"]
    await access.keys.revoke_key(ann, third.id)
    listed = await access.keys.list_keys(ann)
    assert [key.name for key in listed] == ["second", "first"]
    assert listed[0] == second


async def test_somebody_else_s_key_is_as_absent_as_one_that_never_was(access: Access):
    ann, _ = await access.member("ann")
    bob, _ = await access.member("bob")
    key, text = await access.keys.create_key(ann, name="k")
    for key_id in (key.id, "absent", "a\0b", ""):
        with pytest.raises(NotFound):
            await access.keys.revoke_key(bob, key_id)
    assert await who(access, text) == ann


async def test_an_admin_revokes_any_key_and_again_changes_nothing(access: Access):
    ann, _ = await access.member("ann")
    root, _ = await access.member("root", Role.ADMIN)
    key, _ = await access.keys.create_key(ann, name="k")
    await access.keys.revoke_key(root, key.id)
    await access.keys.revoke_key(root, key.id)
    rows = [row for row in await access.audited() if row[1] == "key.revoked"]
    assert rows == [(root.account_id, "key.revoked", key.id, {"owner": ann.account_id})]


async def test_guests_have_no_keys(access: Access):
    with pytest.raises(NotSignedIn):
        await access.keys.create_key(GUEST, name="k")
    with pytest.raises(NotSignedIn):
        await access.keys.list_keys(GUEST)
    with pytest.raises(NotSignedIn):
        await access.keys.revoke_key(GUEST, "k")


async def test_the_record_of_a_new_key_names_its_scopes_and_no_secret(access: Access):
    ann, _ = await access.member("ann")
    key, text = await access.keys.create_key(ann, name="ci", scopes=["read"])
    row = (await access.audited())[-1]
    details = {"owner": ann.account_id, "name": "ci", "scopes": ["read"]}
    assert row == (ann.account_id, "key.created", key.id, details)
    assert text[8:] not in str(await access.audited())


async def test_a_key_says_when_it_was_last_used(access: Access, clock: StandingClock):
    ann, text = await access.member("ann")
    door = access.authenticator()
    (key,) = await access.keys.list_keys(ann)
    assert key.last_used_at is None
    clock.advance(10)
    used = clock.now
    await door.authenticate(f"Bearer {text}", None)
    clock.advance(200)  # too soon to be written down again
    await door.authenticate(f"Bearer {text}", None)
    (key,) = await access.keys.list_keys(ann)
    assert key.last_used_at == used
    clock.advance(100)
    await door.authenticate(f"Bearer {text}", None)
    (key,) = await access.keys.list_keys(ann)
    assert key.last_used_at == clock.now
