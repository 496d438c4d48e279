import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cimaise import telemetry
from cimaise.access.policy import GUEST, Principal, Role
from cimaise.database.schema import browser_sessions, sign_in_links
from cimaise.errors import Forbidden, Gone, NotFound, NotSignedIn
from tests.conftest import StandingClock
from tests.kit.access import HOUR_S, Access
from tests.kit.examples import examples


async def test_a_session_s_cookie_says_who_it_is(access: Access):
    ann, _ = await access.member("ann", Role.ADMIN)
    cookie = await access.sessions.start(ann.account_id)
    principal = await access.authenticator().authenticate(None, cookie)
    assert (principal.account_id, principal.name, principal.role) == (
        ann.account_id,
        "ann",
        Role.ADMIN,
    )
    assert principal.session_id is not None
    assert principal.session_id not in cookie


async def test_cookies_and_sign_in_tokens_are_not_in_the_database(access: Access):
    ann, _ = await access.member("ann")
    cookie = await access.sessions.start(ann.account_id)
    token = await access.sessions.issue_sign_in(ann.account_id)
    rows = await access.database.read(
        lambda connection: [
            *connection.execute(select(browser_sessions)).all(),
            *connection.execute(select(sign_in_links)).all(),
        ]
    )
    assert len(rows) == 2
    assert cookie not in str(rows)
    assert token not in str(rows)


async def test_two_sessions_have_different_cookies(access: Access):
    ann, _ = await access.member("ann")
    assert await access.sessions.start(ann.account_id) != await access.sessions.start(
        ann.account_id
    )


async def test_a_session_ends_by_itself(access: Access, clock: StandingClock):
    ann, _ = await access.member("ann")
    cookie = await access.sessions.start(ann.account_id)
    clock.advance(24 * HOUR_S - 1)
    await access.authenticator().authenticate(None, cookie)
    clock.advance(1)
    with pytest.raises(NotSignedIn):
        await access.authenticator().authenticate(None, cookie)


async def test_ending_a_session_ends_that_one_only(access: Access):
    ann, _ = await access.member("ann")
    here, there = [await access.sessions.start(ann.account_id) for _ in range(2)]
    door = access.authenticator()
    principal = await door.authenticate(None, here)
    await access.sessions.end(principal)
    await access.sessions.end(principal)
    with pytest.raises(NotSignedIn):
        await door.authenticate(None, here)
    await door.authenticate(None, there)


async def test_ending_without_a_session_changes_nothing(access: Access):
    ann, key = await access.member("ann")
    cookie = await access.sessions.start(ann.account_id)
    door = access.authenticator()
    await access.sessions.end(await door.authenticate(f"Bearer {key}", None))
    await door.authenticate(None, cookie)
    with pytest.raises(NotSignedIn):
        await access.sessions.end(GUEST)


async def test_nobody_s_session_cannot_be_started(access: Access):
    for account_id in ("absent", "", "a\0b"):
        with pytest.raises(NotSignedIn):
            await access.sessions.start(account_id)


async def test_a_sign_in_link_works_once(access: Access):
    ann, _ = await access.member("ann")
    token = await access.sessions.issue_sign_in(ann.account_id)
    account = await access.sessions.use_sign_in(token)
    assert account.principal == ann
    with pytest.raises(Gone) as caught:
        await access.sessions.use_sign_in(token)
    assert caught.value.code == "spent"
    rows = [row for row in await access.audited() if row[1] == "sign_in.used"]
    assert rows == [(ann.account_id, "sign_in.used", ann.account_id, {})]


async def test_of_many_that_use_a_sign_in_link_at_once_one_gets_in(access: Access):
    ann, _ = await access.member("ann")
    token = await access.sessions.issue_sign_in(ann.account_id)
    results = await asyncio.gather(
        *(access.sessions.use_sign_in(token) for _ in range(20)), return_exceptions=True
    )
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert sum(isinstance(result, Gone) for result in results) == 19


async def test_a_sign_in_link_ends_by_itself(access: Access, clock: StandingClock):
    ann, _ = await access.member("ann")
    token = await access.sessions.issue_sign_in(ann.account_id)
    clock.advance(HOUR_S)
    with pytest.raises(Gone) as caught:
        await access.sessions.use_sign_in(token)
    assert caught.value.code == "expired"


async def test_a_sign_in_link_of_a_disabled_account_stays_unused(access: Access):
    ann, _ = await access.member("ann")
    token = await access.sessions.issue_sign_in(ann.account_id)
    await access.accounts.disable(None, "ann")
    for _ in range(2):
        with pytest.raises(NotSignedIn) as caught:
            await access.sessions.use_sign_in(token)
        assert caught.value.code == "bad_credentials"


@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{43}", fullmatch=True))
def test_any_text_as_a_sign_in_token_is_refused_in_a_foreseen_way(access: Access, text: str):
    with pytest.raises(NotSignedIn):
        asyncio.run(access.sessions.use_sign_in(text))


async def test_sessions_are_listed_with_when_and_where_they_were_seen(
    access: Access, clock: StandingClock
):
    ann, _ = await access.member("ann")
    bob, _ = await access.member("bob")
    await access.sessions.start(bob.account_id)
    began = clock.now
    cookie = await access.sessions.start(
        ann.account_id, address="192.0.2.1", user_agent="Fox\x00\u202e/1" + "x" * 400
    )
    clock.advance(60)
    await access.sessions.start(ann.account_id, address="192.0.2.2", user_agent="Lynx")
    clock.advance(600)
    token = telemetry.client_address.set("192.0.2.3")
    try:
        asking = await access.authenticator().authenticate(None, cookie)
        seen = clock.now
        clock.advance(299)  # too soon to be written down again
        await access.authenticator().authenticate(None, cookie)
    finally:
        telemetry.client_address.reset(token)
    other, own = await access.sessions.list_sessions(asking)
    assert (own.created_at, own.last_seen_at, own.address) == (began, seen, "192.0.2.3")
    assert own.user_agent.startswith("Fox/1x")
    assert len(own.user_agent) == 300
    assert own.is_current
    assert (other.last_seen_at, other.address, other.is_current) == (
        other.created_at,
        "192.0.2.2",
        False,
    )
    clock.advance(24 * HOUR_S)
    assert await access.sessions.list_sessions(asking) == []


async def test_a_session_is_ended_by_its_owner_and_nobody_else(access: Access):
    ann, _ = await access.member("ann")
    bob, _ = await access.member("bob")
    cookie = await access.sessions.start(ann.account_id)
    (session,) = await access.sessions.list_sessions(ann)
    for session_id in (session.id, "nothing"):
        with pytest.raises(NotFound):
            await access.sessions.end_one(bob, session_id)
    await access.authenticator().authenticate(None, cookie)
    await access.sessions.end_one(ann, session.id)
    await access.sessions.end_one(ann, session.id)
    with pytest.raises(NotSignedIn):
        await access.authenticator().authenticate(None, cookie)
    assert [row for row in await access.audited() if row[1] == "session.ended"] == [
        (ann.account_id, "session.ended", ann.account_id, {"session": session.id})
    ]


async def test_all_others_are_ended_at_once(access: Access):
    ann, _ = await access.member("ann")
    bob, _ = await access.member("bob")
    here, *there = [await access.sessions.start(ann.account_id) for _ in range(3)]
    untouched = await access.sessions.start(bob.account_id)
    door = access.authenticator()
    assert await access.sessions.end_others(await door.authenticate(None, here)) == 2
    await door.authenticate(None, here)
    await door.authenticate(None, untouched)
    for cookie in there:
        with pytest.raises(NotSignedIn):
            await door.authenticate(None, cookie)
    assert await access.sessions.end_others(ann) == 1  # asked for with a key: no session is its own


async def test_a_key_that_may_only_read_ends_no_session(access: Access):
    ann, _ = await access.member("ann")
    await access.sessions.start(ann.account_id)
    (session,) = await access.sessions.list_sessions(ann)
    reader = Principal(ann.account_id, "ann", Role.MEMBER, scopes=("read",))
    with pytest.raises(Forbidden):
        await access.sessions.end_one(reader, session.id)
    with pytest.raises(Forbidden):
        await access.sessions.end_others(reader)


async def test_signing_in_again_ends_the_session_that_the_browser_had(access: Access):
    ann, _ = await access.member("ann")
    door = access.authenticator()
    first = await access.sessions.start(ann.account_id)
    asking = await door.authenticate(None, first)
    second = await access.sessions.start(ann.account_id, replaces=asking.session_id)
    with pytest.raises(NotSignedIn):
        await door.authenticate(None, first)
    await door.authenticate(None, second)
