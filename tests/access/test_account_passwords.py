from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from cimaise.access.accounts.account_passwords import ALL_TRIES, TRIES, AccountPasswords
from cimaise.access.accounts.passwords import Costs
from cimaise.access.policy import GUEST, Principal
from cimaise.database.schema import account_passwords
from cimaise.errors import Forbidden, Gone, Invalid, NotFound, NotSignedIn, TooMany, WrongState
from cimaise.state.base import State
from cimaise.state.table import open_state
from tests.kit.access import Access

HERE = "192.0.2.1"
GOOD = "mongoose tale"


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    opened = open_state("local:", data_dir=tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def passwords(access: Access, state: State) -> AccountPasswords:
    return access.account_passwords(state)


@pytest.fixture
async def ann(access: Access, passwords: AccountPasswords) -> Principal:
    """Has the password GOOD."""
    principal, _ = await access.member("ann")
    await passwords.change(principal, current="", new=GOOD, address=HERE)
    return principal


async def kept(access: Access) -> str:
    statement = select(account_passwords.c.hash)
    return await access.database.read(lambda connection: connection.scalars(statement).one())


async def test_name_and_password_say_who_it_is(passwords: AccountPasswords, ann: Principal):
    for name in ("ann", " Ann "):
        assert (await passwords.sign_in(name, GOOD, address=HERE)).id == ann.account_id


async def test_so_does_the_e_mail_address(passwords: AccountPasswords, ann: Principal):
    await passwords.change_email(ann, " Ann@Example.org ")
    found = await passwords.sign_in("ANN@example.org", GOOD, address=HERE)
    assert (found.id, found.email) == (ann.account_id, "ann@example.org")
    await passwords.change_email(ann, "")
    with pytest.raises(NotSignedIn):
        await passwords.sign_in("ann@example.org", GOOD, address=HERE)


async def test_an_e_mail_address_is_one_account_s(
    access: Access,
    passwords: AccountPasswords,
    ann: Principal,
    monkeypatch: pytest.MonkeyPatch,
):
    bob, _ = await access.member("bob")
    await passwords.change_email(ann, "ann@example.org")
    with pytest.raises(WrongState):
        await passwords.change_email(bob, "Ann@example.org")
    with monkeypatch.context() as patched:  # ann took it behind the look
        patched.setattr(
            "cimaise.access.accounts.account_passwords.account_by_email", lambda *_: None
        )
        with pytest.raises(WrongState):
            await passwords.change_email(bob, "ann@example.org")
    for text in ("ann", "a@b@c", "a b@c", "<a@b>", "@", "a@" + "b" * 300):
        with pytest.raises(Invalid):
            await passwords.change_email(bob, text)


async def test_whatever_is_wrong_is_answered_alike(
    access: Access, passwords: AccountPasswords, ann: Principal
):
    await access.member("bare")
    gone, _ = await access.member("gone")
    await passwords.change(gone, current="", new=GOOD, address=HERE)
    await access.accounts.disable(None, "gone")
    messages = set()
    for name, password in (
        ("ann", "mongoose tales"), ("ann", ""), ("nobody", GOOD), ("bare", ""), ("bare", GOOD),
        ("gone", GOOD), ("", GOOD), ("a@b", GOOD), ("\0", GOOD), ("\ud800", GOOD),
    ):  # fmt: skip
        with pytest.raises(NotSignedIn) as refused:
            await passwords.sign_in(name, password, address=HERE)
        messages.add((refused.value.message, refused.value.code))
    assert len(messages) == 1


async def test_every_refusal_costs_one_hash(
    access: Access, passwords: AccountPasswords, ann: Principal, monkeypatch: pytest.MonkeyPatch
):
    await access.member("bare")
    await passwords.passwords.verify(None, "x")
    worked: list[str] = []
    real = passwords.passwords._verified

    def noted(one: str, text: str) -> bool:
        worked.append(one)
        return real(one, text)

    monkeypatch.setattr(passwords.passwords, "_verified", noted)
    for name in ("ann", "nobody", "bare"):
        with pytest.raises(NotSignedIn):
            await passwords.sign_in(name, "wrong", address=HERE)
    assert len(worked) == 3
    assert all(one.split("$")[3] == worked[0].split("$")[3] for one in worked)  # the same costs


async def test_a_password_is_hashed_again_when_the_costs_have_grown(
    access: Access, passwords: AccountPasswords, state: State, ann: Principal
):
    before = await kept(access)
    await passwords.sign_in("ann", GOOD, address=HERE)
    assert await kept(access) == before
    dearer = access.account_passwords(state, Costs(memory_kib=128, passes=1))
    with pytest.raises(NotSignedIn):
        await dearer.sign_in("ann", "wrong", address=HERE)
    assert await kept(access) == before
    await dearer.sign_in("ann", GOOD, address=HERE)
    assert "m=128" in await kept(access)
    await dearer.sign_in("ann", GOOD, address=HERE)


async def test_tries_at_one_account_from_one_address_become_rare(
    passwords: AccountPasswords, ann: Principal
):
    limit, _ = TRIES[0]
    for _ in range(limit):
        with pytest.raises(NotSignedIn):
            await passwords.sign_in("ann", "wrong", address=HERE)
    with pytest.raises(TooMany) as refused:
        await passwords.sign_in("ann", GOOD, address=HERE)
    assert refused.value.retry_after_s
    assert await passwords.sign_in(
        "ann", GOOD, address="192.0.2.2"
    )  # ann elsewhere is not shut out


async def test_tries_from_everywhere_have_an_end_too(passwords: AccountPasswords, ann: Principal):
    most, _ = ALL_TRIES
    for number in range(most):
        with pytest.raises(NotSignedIn):
            await passwords.sign_in("ann", "wrong", address=f"198.51.100.{number}")
    with pytest.raises(TooMany):
        await passwords.sign_in("ann", GOOD, address="203.0.113.1")


async def test_tries_at_a_name_that_nobody_has_are_counted_the_same(passwords: AccountPasswords):
    for _ in range(TRIES[0][0]):
        with pytest.raises(NotSignedIn):
            await passwords.sign_in("nobody", "wrong", address=HERE)
    with pytest.raises(TooMany):
        await passwords.sign_in("nobody", "wrong", address=HERE)


async def test_a_new_password_ends_the_other_sessions_and_links_of_the_account(
    access: Access, passwords: AccountPasswords, ann: Principal
):
    bob, _ = await access.member("bob")
    here, there = [await access.sessions.start(ann.account_id) for _ in range(2)]
    others = await access.sessions.start(bob.account_id)
    link = await access.sessions.issue_sign_in(ann.account_id)
    door = access.authenticator()
    asking = await door.authenticate(None, here)
    await passwords.change(asking, current=GOOD, new="tale of mongoose", address=HERE)
    await door.authenticate(None, here)
    await door.authenticate(None, others)
    with pytest.raises(NotSignedIn):
        await door.authenticate(None, there)
    with pytest.raises(Gone):
        await access.sessions.use_sign_in(link)
    with pytest.raises(NotSignedIn):
        await passwords.sign_in("ann", GOOD, address=HERE)
    assert await passwords.sign_in("ann", "tale of mongoose", address=HERE)


async def test_only_who_knows_the_old_password_sets_a_new_one(
    access: Access, passwords: AccountPasswords, ann: Principal
):
    before = await kept(access)
    for current in ("", "wrong"):
        with pytest.raises(Forbidden):
            await passwords.change(ann, current=current, new="tale of mongoose", address=HERE)
    for new in ("short", "password", "ann12345", "x" * 1025):
        with pytest.raises(Invalid):
            await passwords.change(ann, current=GOOD, new=new, address="192.0.2.9" + new[:1])
    assert await kept(access) == before


async def test_guests_limited_keys_and_tokens_change_nothing(
    access: Access, passwords: AccountPasswords, ann: Principal
):
    limited = Principal(ann.account_id, "ann", ann.role, scopes=("manage",))
    token = Principal(ann.account_id, "ann", ann.role, token_id="t")
    for who, refusal in ((GUEST, NotSignedIn), (limited, Forbidden), (token, Forbidden)):
        with pytest.raises(refusal):
            await passwords.change(who, current=GOOD, new="tale of mongoose", address=HERE)
        with pytest.raises(refusal):
            await passwords.change_email(who, "a@example.org")


async def test_the_operator_sets_anybody_s(
    access: Access, passwords: AccountPasswords, ann: Principal
):
    cookie = await access.sessions.start(ann.account_id)
    await passwords.set_by_operator("ann", "tale of mongoose")
    with pytest.raises(NotSignedIn):
        await access.authenticator().authenticate(None, cookie)
    assert await passwords.sign_in("ann", "tale of mongoose", address=HERE)
    with pytest.raises(NotFound):
        await passwords.set_by_operator("nobody", GOOD)
    with pytest.raises(Invalid):
        await passwords.set_by_operator("ann", "password")


async def test_neither_password_nor_address_is_in_the_audit_log(
    access: Access, passwords: AccountPasswords, ann: Principal
):
    await passwords.change_email(ann, "ann@example.org")
    rows = await access.audited()
    assert {"password.changed", "account.changed"} <= {action for _, action, _, _ in rows}
    assert GOOD not in str(rows)
    assert "ann@example.org" not in str(rows)
