import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from cimaise.access.jwt.jwks import KeyRing
from cimaise.access.jwt.jwts import jwt_verifier
from cimaise.access.policy import GUEST, Role
from cimaise.access.tokens import Authenticator
from cimaise.database.schema import accounts
from cimaise.errors import NotSignedIn
from tests.conftest import StandingClock
from tests.kit.access import Access, CountingFetch
from tests.kit.examples import examples
from tests.kit.token_keys import hs256, public_entry, rsa_key, signed

SECRET = "a secret of at least thirty-two bytes"


@pytest.fixture
def door(access: Access) -> Authenticator:
    """Takes everything: keys, cookies, tokens of a secret and of an RSA key."""
    ring = KeyRing(CountingFetch(public_entry(rsa_key())), access.clock)
    jwts = jwt_verifier(clock=access.clock, secret=SECRET, key_ring=ring)
    return access.authenticator(jwts)


def jwt(access: Access, subject: str, **claims: Any) -> str:
    body = {"sub": subject, "exp": access.clock().timestamp() + 600, **claims}
    return hs256(SECRET.encode(), {"alg": "HS256"}, body)


async def refused(
    door: Authenticator, authorization: str | None, cookie: str | None = None
) -> None:
    with pytest.raises(NotSignedIn) as caught:
        await door.authenticate(authorization, cookie)
    assert caught.value.code == "bad_credentials"


def count_reads(access: Access, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    seen: list[object] = []
    read = access.database.read

    async def counted(work: Any) -> Any:
        seen.append(work)
        return await read(work)

    monkeypatch.setattr(access.database, "read", counted)
    return seen


async def test_nothing_is_a_guest(door: Authenticator):
    assert await door.authenticate(None, None) == GUEST


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer    "])
async def test_a_key_says_who_it_is(access: Access, door: Authenticator, scheme: str):
    ann, key = await access.member("ann", Role.ADMIN)
    assert await door.authenticate(scheme + key, None) == ann


async def test_tokens_of_the_secret_and_of_the_public_key_say_who_it_is(
    access: Access, door: Authenticator
):
    ann, _ = await access.member("ann", Role.ADMIN)
    assert await door.authenticate(f"Bearer {jwt(access, 'ann')}", None) == ann
    claims = {"sub": ann.account_id, "exp": access.clock().timestamp() + 600}
    token = signed(rsa_key(), {"alg": "RS256", "kid": "k1"}, claims)
    assert await door.authenticate(f"Bearer {token}", None) == ann


async def test_a_new_subject_becomes_a_member(access: Access, door: Authenticator):
    principal = await door.authenticate(f"Bearer {jwt(access, 'Zoë | 7')}", None)
    assert principal.role is Role.MEMBER
    assert principal == await door.authenticate(f"Bearer {jwt(access, 'Zoë | 7')}", None)


async def test_a_refused_token_makes_no_account(access: Access, door: Authenticator):
    await refused(door, f"Bearer {jwt(access, 'new', exp=0)}")
    await refused(door, "Bearer " + jwt(access, "new")[:-3] + "AAA")
    assert await access.accounts.list_accounts(None) == []


async def test_a_token_of_a_disabled_account_is_refused(access: Access, door: Authenticator):
    await access.member("ann")
    await access.accounts.disable(None, "ann")
    await refused(door, f"Bearer {jwt(access, 'ann')}")


async def test_no_token_is_accepted_where_none_is_set_up(access: Access):
    await refused(access.authenticator(), f"Bearer {jwt(access, 'ann')}")


@pytest.mark.parametrize(
    "authorization",
    [
        "", " ", "Bearer", "Bearer ", "Bearer  ", "Basic YW5uOmtleQ==", "Bearer\tkey", "Token key",
        "Bearer cim_", "Bearer cim_" + "0" * 39, "Bearer a.b.c", "Bearer " + "x" * 100_000,
        "Bearer null", "Bearer undefined", "cim_", "Bearer one, Bearer two", "Bearer \0", "Bearer é",
    ],
)  # fmt: skip
async def test_a_bad_header_is_refused_even_beside_a_good_cookie(
    access: Access, door: Authenticator, authorization: str
):
    ann, _ = await access.member("ann")
    cookie = await access.sessions.start(ann.account_id)
    await refused(door, authorization, cookie)


async def test_the_header_counts_before_the_cookie(access: Access, door: Authenticator):
    ann, key = await access.member("ann")
    bob, _ = await access.member("bob")
    cookie = await access.sessions.start(bob.account_id)
    assert await door.authenticate(f"Bearer {key}", cookie) == ann


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "A" * 44, "\0", "\ud800", "x" * 100_000])
async def test_a_bad_cookie_is_refused(door: Authenticator, cookie: str):
    await refused(door, None, cookie)


async def test_a_cookie_is_no_key_and_a_key_no_cookie(access: Access, door: Authenticator):
    ann, key = await access.member("ann")
    cookie = await access.sessions.start(ann.account_id)
    await refused(door, f"Bearer {cookie}")
    await refused(door, None, key)


async def test_a_sign_in_token_is_no_cookie(access: Access, door: Authenticator):
    ann, _ = await access.member("ann")
    await refused(door, None, await access.sessions.issue_sign_in(ann.account_id))


async def test_a_key_costs_one_look_up_in_five_seconds(
    access: Access, door: Authenticator, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
):
    _, key = await access.member("ann")
    reads = count_reads(access, monkeypatch)
    for _ in range(10):
        await door.authenticate(f"Bearer {key}", None)
    assert len(reads) == 1
    clock.advance(5)
    await door.authenticate(f"Bearer {key}", None)
    assert len(reads) == 2


async def test_unknown_keys_are_not_remembered_and_mistyped_ones_not_looked_up(
    access: Access, door: Authenticator, monkeypatch: pytest.MonkeyPatch
):
    _, key = await access.member("ann")
    reads = count_reads(access, monkeypatch)
    await refused(door, f"Bearer {key[:-1]}{'a' if key[-1] != 'a' else 'b'}")
    assert reads == []


async def test_another_process_notices_a_revoked_key_within_five_seconds(
    access: Access, clock: StandingClock
):
    ann, _ = await access.member("ann")
    key, text = await access.keys.create_key(ann, name="k")
    elsewhere = Access(access.database, clock, access.new_id, type(access.cache)(clock))
    door = elsewhere.authenticator()
    await door.authenticate(f"Bearer {text}", None)
    await access.keys.revoke_key(ann, key.id)
    clock.advance(5)
    await refused(door, f"Bearer {text}")


async def test_a_look_up_that_a_revocation_overtakes_is_not_remembered(
    access: Access, door: Authenticator, monkeypatch: pytest.MonkeyPatch
):
    ann, _ = await access.member("ann")
    key, text = await access.keys.create_key(ann, name="k")
    read = access.database.read

    async def overtaken(work: Any) -> Any:
        found = await read(work)
        await access.keys.revoke_key(ann, key.id)
        return found

    monkeypatch.setattr(access.database, "read", overtaken)
    await door.authenticate(f"Bearer {text}", None)  # it was valid when it was looked up
    monkeypatch.undo()
    await refused(door, f"Bearer {text}")


async def test_a_role_that_changed_is_seen_after_five_seconds_with_a_key_at_once_with_a_cookie(
    access: Access, door: Authenticator, clock: StandingClock
):
    ann, key = await access.member("ann", Role.ADMIN)
    cookie = await access.sessions.start(ann.account_id)
    await door.authenticate(f"Bearer {key}", None)
    demoted = update(accounts).values(role="member")
    await access.database.write(lambda connection: connection.execute(demoted).rowcount)
    assert (await door.authenticate(None, cookie)).role is Role.MEMBER
    clock.advance(5)
    assert (await door.authenticate(f"Bearer {key}", None)).role is Role.MEMBER


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    authorization=st.none()
    | st.text(max_size=80)
    | st.from_regex(r"(?i:bearer) (cim_)?[0-9A-Za-z._-]{0,60}", fullmatch=True),
    cookie=st.none() | st.text(max_size=60) | st.from_regex(r"[\w-]{43}", fullmatch=True),
)
def test_any_header_and_cookie_are_a_guest_or_refused(
    access: Access, authorization: str | None, cookie: str | None
):
    door = access.authenticator(jwt_verifier(clock=access.clock, secret=SECRET))
    try:
        outcome = str(asyncio.run(door.authenticate(authorization, cookie)).role)
    except NotSignedIn as refusal:
        outcome = refusal.code
    nothing = authorization is None and cookie is None
    assert outcome == ("guest" if nothing else "bad_credentials")
