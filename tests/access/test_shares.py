"""Share links: who makes them, what opens them, and how they end."""

from dataclasses import replace

import pytest

from cimaise.access.accounts.passwords import Passwords
from cimaise.access.links.shares import TICKET_TTL_S, Downloads, Shares, Terms
from cimaise.access.policy import GUEST, CollectionFacts, Principal, Role, Visibility, may_view
from cimaise.access.signing import Signer
from cimaise.errors import Forbidden, Gone, Invalid, NotFound, NotSignedIn, TooMany
from cimaise.state.table import open_state
from tests.kit.albums import ADMIN, OWNER, STRANGER, VIEWER, Shelf

FACTS = CollectionFacts(OWNER.account_id, Visibility.PRIVATE, id="lakes")
ELSEWHERE = "203.0.113.7"


@pytest.fixture
def shelf(database):
    return Shelf(database)


@pytest.fixture
async def shares(database, clock, new_id, tmp_path, shelf):
    state = open_state("local:", data_dir=tmp_path)
    yield Shares(database, clock, new_id, Signer(b"s" * 32), state, Passwords())
    await state.close()


async def made(shares: Shares, **terms):
    return await shares.create(OWNER, "lakes", FACTS, Terms(**terms))


async def test_a_token_opens_its_album_and_no_other(shares):
    share, token = await made(shares)
    found = await shares.check(token, None)
    assert found == share
    assert may_view(found.principal, FACTS)
    assert not may_view(found.principal, replace(FACTS, id="hills"))
    assert not may_view(found.principal, replace(FACTS, id=""))
    assert not may_view(replace(GUEST, shared_id=""), replace(FACTS, id=""))
    assert found.principal.is_guest


async def test_only_a_digest_of_the_token_is_kept(shares, database):
    from sqlalchemy import select  # noqa: PLC0415

    from cimaise.database.schema import shares as table  # noqa: PLC0415

    _, token = await made(shares, password="open sesame")
    row = await database.read(lambda connection: connection.execute(select(table)).one())
    assert token not in str(tuple(row))
    assert "sesame" not in str(tuple(row))
    assert row.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize("who", [GUEST, VIEWER, STRANGER])
async def test_who_does_not_manage_the_album_makes_lists_and_ends_nothing(shares, who):
    share, _ = await made(shares)
    refusal = NotSignedIn if who.is_guest else Forbidden
    with pytest.raises(refusal):
        await shares.create(who, "lakes", FACTS, Terms())
    with pytest.raises(refusal):
        await shares.list(who, "lakes", FACTS)
    with pytest.raises(NotSignedIn if who.is_guest else NotFound):
        await shares.revoke(who, share.id)


async def test_a_key_without_the_right_to_manage_shares_nothing(shares):
    limited = replace(OWNER, scopes=("read",))
    with pytest.raises(Forbidden):
        await shares.create(limited, "lakes", FACTS, Terms())


async def test_taken_back_it_is_gone_at_once_and_for_good(shares):
    share, token = await made(shares)
    await shares.revoke(ADMIN, share.id)
    await shares.revoke(OWNER, share.id)
    for call in (shares.check(token, None), shares.require_open(token)):
        with pytest.raises(Gone):
            await call
    assert await shares.list(OWNER, "lakes", FACTS) == []


async def test_it_ends_at_its_time_to_the_second(shares, clock):
    _, token = await made(shares, expires_in_s=60)
    clock.advance(59.9)
    await shares.check(token, None)
    clock.advance(0.1)
    with pytest.raises(Gone) as gone:
        await shares.check(token, None)
    assert gone.value.code == "expired"


async def test_a_ticket_is_for_one_share_one_password_and_twelve_hours(shares, clock):
    share, token = await made(shares, password="open sesame")
    _, other = await made(shares, password="open sesame")
    with pytest.raises(NotSignedIn) as needed:
        await shares.check(token, None)
    assert needed.value.code == "password_needed"
    _, ticket = await shares.unlock(token, "open sesame", address=ELSEWHERE)
    assert await shares.check(token, ticket) == share
    for wrong in (ticket[:-1], "x", "", Signer(b"t" * 32).sign("share", b"x" * 20)):
        with pytest.raises(NotSignedIn):
            await shares.check(token, wrong)
    with pytest.raises(NotSignedIn):
        await shares.check(other, ticket)
    clock.advance(TICKET_TTL_S)
    with pytest.raises(NotSignedIn):
        await shares.check(token, ticket)


async def test_guessing_ends_after_ten_tries_for_one_and_leaves_the_others_alone(shares):
    _, token = await made(shares, password="open sesame")
    for number in range(10):
        with pytest.raises(NotSignedIn):
            await shares.unlock(token, f"guess {number}", address=ELSEWHERE)
    with pytest.raises(TooMany) as refused:
        await shares.unlock(token, "open sesame", address=ELSEWHERE)
    assert refused.value.retry_after_s
    await shares.unlock(token, "open sesame", address="198.51.100.1")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"password": "abc"}, "password"), ({"password": "x" * 1025}, "password"),
        ({"expires_in_s": 0.5}, "expires_in"), ({"expires_in_s": float("nan")}, "expires_in"),
        ({"expires_in_s": 1e10}, "expires_in"),
    ],
)  # fmt: skip
async def test_terms_have_bounds(shares, terms, field):
    with pytest.raises(Invalid) as refused:
        await made(shares, **terms)
    assert refused.value.field == field


async def test_any_text_for_a_token_is_no_share(shares):
    for token in ("", "x", "A" * 43, "é" * 43, "../" * 14 + "x"):
        with pytest.raises(NotFound):
            await shares.check(token, None)


async def test_downloads_and_watermark_come_back(shares):
    _, token = await made(shares, downloads=Downloads.NONE, watermark="studio")
    found = await shares.check(token, None)
    assert (found.downloads, found.watermark, found.has_password) == (
        Downloads.NONE,
        "studio",
        False,
    )


async def test_admins_share_whatever_there_is(shares):
    root = Principal("root", "root", Role.ADMIN)
    folder = CollectionFacts("", Visibility.PRIVATE, id="folder:lakes")
    share, _ = await shares.create(root, "lakes", folder, Terms())
    assert [one.id for one in await shares.list(root, "lakes", folder)] == [share.id]


async def test_who_manages_the_album_is_told_the_token_again(shares, database):
    share, token = await made(shares, name="For Eva")
    (listed,) = await shares.list(OWNER, "lakes", FACTS)
    assert (listed, listed.token, listed.name) == (share, token, "For Eva")
    assert token not in repr(listed)
    other = replace(shares, signer=Signer(b"t" * 32))
    assert [one.token for one in await other.list(OWNER, "lakes", FACTS)] == [None]
    later = replace(shares, signer=Signer(b"t" * 32, [b"s" * 32]))
    assert [one.token for one in await later.list(OWNER, "lakes", FACTS)] == [token]
    assert (await other.check(token, None)).token is None


async def test_whoever_manages_the_collection_takes_back_what_others_made(shares, shelf):
    shelf.collection("lakes", Visibility.PRIVATE, viewers=(VIEWER.account_id,))
    ended, token = await shares.create(ADMIN, "lakes", FACTS, Terms())
    _, other = await shares.create(ADMIN, "lakes", FACTS, Terms())
    for who in (VIEWER, STRANGER):
        with pytest.raises(NotFound):
            await shares.revoke(who, ended.id)
    assert await shares.revoke(OWNER, ended.id) == "lakes"
    with pytest.raises(Gone):
        await shares.require_open(token)
    await shares.require_open(other)


async def test_openings_are_counted_and_change_no_right(shares, clock, database):
    share, token = await made(shares)
    clock.advance(60)
    database.listen_to_rights(lambda: pytest.fail("no right has changed"))
    await shares.count_opening(share)
    await shares.count_opening(share)
    found = await shares.check(token, None)
    assert (found.uses, found.last_used_at) == (2, clock())


async def test_a_name_has_at_most_a_hundred_characters(shares):
    await made(shares, name="x" * 100)
    with pytest.raises(Invalid) as refused:
        await made(shares, name="x" * 101)
    assert refused.value.field == "name"
