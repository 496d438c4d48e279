"""The whole flow against a certified provider: what it lets in, and what it does not."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from sqlalchemy import select

from cimaise.access.oidc.identities import Rules
from cimaise.access.oidc.provider import Provider
from cimaise.access.oidc.sign_in import TTL_S, Answer, OidcSignIn
from cimaise.access.policy import GUEST, Role
from cimaise.access.signing import Signer
from cimaise.database.schema import accounts, identities
from cimaise.errors import Forbidden, NotSignedIn, UpstreamFailed, WrongState
from cimaise.state.base import State
from cimaise.state.table import open_state
from tests.conftest import StandingClock
from tests.kit.access import Access
from tests.kit.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider, running_provider, signing_key

HOME = "http://127.0.0.1:3023"
CALLBACK = "http://127.0.0.1:3023/oidc/callback"
MARIA, BOSS, ODD = "subject-maria", "subject-boss", "subject-odd"
OPEN = Rules(create=True)
KEY = signing_key("k1")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def there() -> Iterator[OidcProvider]:
    with running_provider(CALLBACK, keys=[KEY], home=HOME) as running:
        yield running


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    opened = open_state("local:", data_dir=tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def door(there: OidcProvider, access: Access, state: State, clock: StandingClock) -> OidcSignIn:
    clock.catch_up()
    return door_to(there, access, state)


def door_to(
    there: OidcProvider, access: Access, state: State, secret: str = CLIENT_SECRET
) -> OidcSignIn:
    return OidcSignIn(
        Provider(there.issuer, CLIENT_ID, secret, access.clock),
        OPEN, access.database, state, Signer(b"s" * 32), access.cache, access.clock, access.new_id,
        CALLBACK, HOME, ("profile", "email"),
    )  # fmt: skip


def answer_of(url: str) -> Answer:
    found = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return Answer(found.get("code", ""), found["state"], found.get("iss"), found.get("error", ""))


async def go(
    door: OidcSignIn, there: OidcProvider, who: str, *, link_to: str = ""
) -> tuple[Answer, str]:
    """Begin, sign in at the provider, come back."""
    url, cookie = await door.begin("/upload", link_to=link_to)
    with httpx2.Client() as browser:
        return answer_of(there.walk(browser, url, who)), cookie


async def test_whoever_signs_in_there_has_an_account_here(
    door: OidcSignIn, there: OidcProvider, access: Access
):
    answer, cookie = await go(door, there, MARIA)
    account, following = await door.finish(answer, cookie, GUEST)
    assert (account.name, account.role, account.email) == (
        "maria",
        Role.MEMBER,
        "maria@example.org",
    )
    assert following == "/upload"
    answer, cookie = await go(door, there, MARIA)
    again, _ = await door.finish(answer, cookie, GUEST)
    assert again.id == account.id
    statement = select(identities.c.issuer, identities.c.subject, identities.c.account_id)
    rows = await access.database.read(lambda connection: connection.execute(statement).all())
    assert [tuple(row) for row in rows] == [(there.issuer, MARIA, account.id)]


async def test_nobody_gets_an_account_by_its_name_or_address(
    door: OidcSignIn, there: OidcProvider, access: Access, state: State
):
    local, _ = await access.member("maria")
    await access.account_passwords(state).change_email(local, "maria@example.org")
    answer, cookie = await go(door, there, MARIA)
    account, _ = await door.finish(answer, cookie, GUEST)
    assert account.id != local.account_id
    assert account.name.startswith("maria~")
    assert account.email is None


async def test_a_name_that_cannot_be_one_is_made_one(door: OidcSignIn, there: OidcProvider):
    answer, cookie = await go(door, there, ODD)
    account, _ = await door.finish(answer, cookie, GUEST)
    assert account.name.startswith("odd~")


async def test_where_none_is_made_a_stranger_is_refused_and_a_linked_account_let_in(
    door: OidcSignIn, there: OidcProvider, access: Access
):
    closed = replace(door, rules=Rules())
    answer, cookie = await go(closed, there, MARIA)
    with pytest.raises(Forbidden):
        await closed.finish(answer, cookie, GUEST)
    local, _ = await access.member("ann")
    answer, cookie = await go(closed, there, MARIA, link_to=local.account_id)
    linked, _ = await closed.finish(answer, cookie, local)
    assert linked.id == local.account_id
    answer, cookie = await go(closed, there, MARIA)
    assert (await closed.finish(answer, cookie, GUEST))[0].id == local.account_id


async def test_an_identity_is_linked_to_one_account_and_only_by_whoever_is_signed_in(
    door: OidcSignIn, there: OidcProvider, access: Access
):
    ann, _ = await access.member("ann")
    bob, _ = await access.member("bob")
    answer, cookie = await go(door, there, MARIA, link_to=ann.account_id)
    for who in (GUEST, bob):
        with pytest.raises(NotSignedIn):
            await door.finish(answer, cookie, who)
    answer, cookie = await go(door, there, MARIA, link_to=ann.account_id)
    await door.finish(answer, cookie, ann)
    answer, cookie = await go(door, there, MARIA, link_to=bob.account_id)
    with pytest.raises(WrongState):
        await door.finish(answer, cookie, bob)


async def test_a_disabled_account_is_not_let_in(
    door: OidcSignIn, there: OidcProvider, access: Access
):
    answer, cookie = await go(door, there, MARIA)
    await door.finish(answer, cookie, GUEST)
    await access.accounts.disable(None, "maria")
    answer, cookie = await go(door, there, MARIA)
    with pytest.raises(NotSignedIn):
        await door.finish(answer, cookie, GUEST)


async def test_groups_make_administrators_members_and_strangers(
    door: OidcSignIn, there: OidcProvider, access: Access
):
    rules = replace(
        OPEN, role_claim="groups", admin_values=("media-admins",), member_values=("staff",)
    )
    mapped = replace(door, rules=rules)

    async def role(door: OidcSignIn, who: str) -> Role:
        answer, cookie = await go(door, there, who)
        return (await door.finish(answer, cookie, GUEST))[0].role

    assert await role(mapped, BOSS) is Role.ADMIN
    assert await role(mapped, MARIA) is Role.MEMBER
    with pytest.raises(Forbidden):
        await role(mapped, ODD)
    raised = replace(mapped, rules=replace(rules, admin_values=("staff",)))
    assert await role(raised, MARIA) is Role.ADMIN
    assert await role(mapped, MARIA) is Role.MEMBER
    nobody = replace(mapped, rules=replace(rules, admin_values=("x",)))
    assert await role(nobody, BOSS) is Role.ADMIN  # the last one stays
    statement = select(accounts.c.name)
    found = await access.database.read(lambda connection: connection.scalars(statement).all())
    assert set(found) == {"boss", "maria"}


async def test_an_answer_counts_once_and_in_its_own_browser_only(
    door: OidcSignIn, there: OidcProvider, clock: StandingClock
):
    answer, cookie = await go(door, there, MARIA)
    other, others_cookie = await go(door, there, MARIA)
    for wrong, kept in (
        (answer, None), (answer, ""), (answer, others_cookie), (answer, cookie[:-2] + "xx"),
        (replace(answer, state=""), cookie), (replace(answer, state="x" * 43), cookie),
    ):  # fmt: skip
        with pytest.raises(NotSignedIn):
            await door.finish(wrong, kept, GUEST)
    assert await door.finish(answer, cookie, GUEST)
    with pytest.raises(NotSignedIn, match="used before"):
        await door.finish(answer, cookie, GUEST)
    clock.advance(TTL_S)
    with pytest.raises(NotSignedIn, match="past its time"):
        await door.finish(other, others_cookie, GUEST)


async def test_a_code_is_worth_nothing_in_another_sign_in(door: OidcSignIn, there: OidcProvider):
    stolen, _ = await go(door, there, MARIA)
    own, cookie = await go(door, there, ODD)
    with pytest.raises(NotSignedIn):  # PKCE: the provider refuses the verifier
        await door.finish(replace(own, code=stolen.code), cookie, GUEST)


async def test_a_code_that_was_exchanged_is_refused_by_the_provider(
    door: OidcSignIn, there: OidcProvider, tmp_path: Path
):
    answer, cookie = await go(door, there, MARIA)
    await door.finish(answer, cookie, GUEST)
    forgetful = open_state("local:", data_dir=tmp_path / "other")
    try:
        with pytest.raises(NotSignedIn, match="past its time"):
            await replace(door, state=forgetful).finish(answer, cookie, GUEST)
    finally:
        await forgetful.close()


async def test_a_token_with_another_nonce_is_refused(door: OidcSignIn, there: OidcProvider):
    url, cookie = await door.begin("/")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    altered = f"{url.partition('?')[0]}?{urlencode(asked | {'nonce': 'of an attacker'})}"
    with httpx2.Client() as browser:
        answer = answer_of(there.walk(browser, altered, MARIA))
    with pytest.raises(NotSignedIn, match="another sign-in"):
        await door.finish(answer, cookie, GUEST)


async def test_another_issuer_in_the_answer_or_none_is_refused(
    door: OidcSignIn, there: OidcProvider
):
    for issuer in ("https://evil.example", None):
        answer, cookie = await go(door, there, MARIA)
        with pytest.raises(NotSignedIn, match="another provider"):
            await door.finish(replace(answer, issuer=issuer), cookie, GUEST)


async def test_a_refusal_of_the_provider_signs_nobody_in(door: OidcSignIn, there: OidcProvider):
    answer, cookie = await go(door, there, MARIA)
    with pytest.raises(NotSignedIn, match="did not sign you in"):
        await door.finish(replace(answer, code="", error="access_denied"), cookie, GUEST)


async def test_the_wrong_secret_is_our_fault_and_not_the_visitor_s(
    there: OidcProvider, access: Access, state: State, clock: StandingClock
):
    clock.catch_up()
    door = door_to(there, access, state, secret="wrong")
    answer, cookie = await go(door, there, MARIA)
    with pytest.raises(UpstreamFailed):
        await door.finish(answer, cookie, GUEST)


async def test_keys_may_be_changed_at_any_time(access: Access, state: State, clock: StandingClock):
    clock.catch_up()
    with running_provider(CALLBACK, keys=[KEY]) as first:
        door = door_to(first, access, state)
        answer, cookie = await go(door, first, MARIA)
        account, _ = await door.finish(answer, cookie, GUEST)
        port = urlsplit(first.issuer).port or 0
    clock.advance(61)  # keys are asked for once a minute at most
    new = signing_key("k2", kind="EC")
    with running_provider(CALLBACK, keys=[new], port=port, algorithm="ES256") as second:
        answer, cookie = await go(door, second, MARIA)
        assert (await door.finish(answer, cookie, GUEST))[0].id == account.id


async def test_a_public_client_needs_no_secret(access: Access, state: State, clock: StandingClock):
    clock.catch_up()
    with running_provider(CALLBACK, keys=[KEY], is_public=True) as there:
        door = door_to(there, access, state, secret="")
        answer, cookie = await go(door, there, MARIA)
        assert (await door.finish(answer, cookie, GUEST))[0].name == "maria"


async def test_a_provider_that_is_away_or_another_lets_nobody_in(
    there: OidcProvider, access: Access, state: State
):
    away = OidcProvider("http://127.0.0.1:9", CALLBACK)
    with pytest.raises(UpstreamFailed):
        await door_to(away, access, state).begin("/")
    other_name = OidcProvider(there.issuer.replace("127.0.0.1", "localhost"), CALLBACK)
    with pytest.raises(UpstreamFailed, match="not the one"):
        await door_to(other_name, access, state).begin("/")


async def test_signing_out_there_is_offered_where_the_provider_says_how(
    door: OidcSignIn, there: OidcProvider
):
    url = await door.leave_url()
    assert url is not None
    assert url.startswith(f"{there.issuer}/session/end?")
    assert httpx2.get(url).status_code == 200
