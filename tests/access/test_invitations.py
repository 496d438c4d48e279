import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from cimaise.access.accounts.invitations import Invitations, Terms
from cimaise.access.accounts.registration import Registration, Wanted
from cimaise.access.policy import GUEST, Principal, Role
from cimaise.database.schema import accounts, invitations
from cimaise.errors import Forbidden, Gone, Invalid, NotFound, NotSignedIn, WrongState
from cimaise.state.base import State
from cimaise.state.table import open_state
from tests.conftest import StandingClock
from tests.kit.access import HOUR_S, Access

GOOD = "mongoose tale"


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    opened = open_state("local:", data_dir=tmp_path)
    yield opened
    await opened.close()


def registration_of(access: Access, state: State, *, is_open: bool = False) -> Registration:
    passwords = access.account_passwords(state)
    return Registration(access.database, access.clock, access.new_id, passwords, is_open)


@pytest.fixture
def inviting(access: Access, state: State) -> Invitations:
    registration = registration_of(access, state)
    return Invitations(access.database, access.clock, access.new_id, registration, HOUR_S)


async def names(access: Access) -> set[str]:
    statement = select(accounts.c.name)
    found = await access.database.read(lambda connection: connection.scalars(statement).all())
    return set(found)


async def test_an_invitation_makes_one_account_with_what_was_set(
    access: Access, inviting: Invitations, state: State
):
    terms = Terms("Maria", Role.ADMIN, {"daily_bytes": 5, "total_bytes": 0})
    made, token = await inviting.create(None, terms)
    account = await inviting.accept(token, Wanted("Maria", GOOD, "Maria@example.org"))
    assert (account.name, account.role, account.email) == ("maria", Role.ADMIN, "maria@example.org")
    found = await access.accounts.find(account.id)
    assert (found.daily_bytes, found.daily_files, found.total_bytes) == (5, None, 0)
    signed_in = await access.account_passwords(state).sign_in("maria", GOOD, address="")
    assert signed_in.id == account.id
    (listed,) = await inviting.list_invitations(None)
    assert (listed.id, listed.note, listed.used_by) == (made.id, "Maria", "maria")
    with pytest.raises(Gone) as refused:
        await inviting.accept(token, Wanted("other", GOOD))
    assert refused.value.code == "spent"
    actions = [action for _, action, _, _ in await access.audited()]
    assert actions.count("invitation.created") == actions.count("invitation.used") == 1


async def test_of_many_who_accept_at_once_one_succeeds(access: Access, inviting: Invitations):
    _, token = await inviting.create(None, Terms())
    tries = [inviting.accept(token, Wanted(f"name-{number}", GOOD)) for number in range(6)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in outcomes) == 1
    assert all(isinstance(one, Gone) for one in outcomes if isinstance(one, BaseException))
    assert len(await names(access)) == 1


async def test_what_is_refused_leaves_the_invitation_open(access: Access, inviting: Invitations):
    await access.member("taken")
    _, token = await inviting.create(None, Terms())
    for wanted, refusal in (
        (Wanted("taken", GOOD), WrongState),
        (Wanted("", GOOD), Invalid),
        (Wanted("../x", GOOD), Invalid),
        (Wanted("maria", "password"), Invalid),
        (Wanted("maria", GOOD, "no address"), Invalid),
    ):
        with pytest.raises(refusal):
            await inviting.accept(token, wanted)
    assert await names(access) == {"taken"}
    assert await inviting.accept(token, Wanted("maria", GOOD))


async def test_an_e_mail_address_that_is_taken_is_said_to_be(access: Access, inviting: Invitations):
    _, first = await inviting.create(None, Terms())
    _, second = await inviting.create(None, Terms())
    await inviting.accept(first, Wanted("ann", GOOD, "a@example.org"))
    with pytest.raises(WrongState, match="e-mail"):
        await inviting.accept(second, Wanted("bob", GOOD, "A@example.org"))
    assert await names(access) == {"ann"}


async def test_an_invitation_ends_by_itself_and_by_hand(
    inviting: Invitations, clock: StandingClock
):
    made, token = await inviting.create(None, Terms(expires_in_s=60))
    clock.advance(59)
    await inviting.check(token)
    clock.advance(1)
    with pytest.raises(Gone) as refused:
        await inviting.check(token)
    assert refused.value.code == "expired"
    made, token = await inviting.create(None, Terms())
    await inviting.revoke(None, made.id)
    await inviting.revoke(None, made.id)
    with pytest.raises(Gone):
        await inviting.accept(token, Wanted("maria", GOOD))
    with pytest.raises(NotFound):
        await inviting.revoke(None, "nothing")
    for text in ("", "x", "A" * 43):
        with pytest.raises(NotFound):
            await inviting.check(text)


async def test_only_administrators_invite(access: Access, inviting: Invitations):
    member, _ = await access.member("member")
    limited = Principal("x", "root", Role.MEMBER, scopes=("manage",))
    for who, refusal in ((GUEST, NotSignedIn), (member, Forbidden), (limited, Forbidden)):
        with pytest.raises(refusal):
            await inviting.create(who, Terms())
        with pytest.raises(refusal):
            await inviting.list_invitations(who)
        with pytest.raises(refusal):
            await inviting.revoke(who, "x")
    root, _ = await access.member("root", Role.ADMIN)
    await inviting.create(root, Terms())


@pytest.mark.parametrize(
    "terms",
    [
        Terms(note="x" * 101), Terms(note="a\nb"), Terms(role=Role.GUEST), Terms(expires_in_s=0),
        Terms(expires_in_s=float("nan")), Terms(limits={"daily_bytes": -1}), Terms(limits={"x": 1}),
    ],
)  # fmt: skip
async def test_terms_that_cannot_be_are_refused(inviting: Invitations, terms: Terms):
    with pytest.raises(Invalid):
        await inviting.create(None, terms)


async def test_the_token_is_not_in_the_database(access: Access, inviting: Invitations):
    _, token = await inviting.create(None, Terms())
    statement = select(invitations)
    row = await access.database.read(lambda connection: connection.execute(statement).one())
    assert token not in str(tuple(row))
    assert token not in str(await access.audited())


async def test_registration_makes_members_where_it_is_open(access: Access, state: State):
    with pytest.raises(Forbidden):
        await registration_of(access, state).register(Wanted("maria", GOOD))
    door = registration_of(access, state, is_open=True)
    account = await door.register(Wanted("maria", GOOD))
    assert (account.name, account.role) == ("maria", Role.MEMBER)
    with pytest.raises(WrongState):
        await door.register(Wanted("maria", GOOD))
