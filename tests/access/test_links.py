import asyncio
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from cimaise.access.links.links import MAX_TTL_S, MAX_USES, Link
from cimaise.access.policy import GUEST, Principal, Role, Scope
from cimaise.access.signing import Signer
from cimaise.database.schema import files
from cimaise.errors import Forbidden, Gone, Invalid, NotFound, NotSignedIn
from tests.conftest import StandingClock
from tests.kit.access import HOUR_S, Access, later
from tests.kit.examples import examples
from tests.kit.linked_files import add_files


@pytest.fixture
async def ann(access: Access, clock: StandingClock) -> Principal:
    """A member with two files."""
    principal, _ = await access.member("ann")
    await add_files(access.database, principal.account_id, ("one", "two"), clock())
    return principal


async def refused(access: Access, token: str, file_id: str = "one") -> tuple[type, str]:
    with pytest.raises((Forbidden, Gone)) as caught:
        await access.links.check(token, file_id)
    return type(caught.value), caught.value.code


async def test_a_link_opens_its_file_and_tells_how(
    access: Access, ann: Principal, clock: StandingClock
):
    link, token = await access.links.create(ann, "one", expires_in_s=60, download=True, max_uses=3)
    assert link == Link(
        id=link.id,
        file_id="one",
        account_id=ann.account_id,
        download=True,
        max_uses=3,
        uses=0,
        created_at=clock(),
        expires_at=later(clock(), 60),
    )
    assert await access.links.check(token, "one") == link


async def test_a_link_lives_as_long_as_the_setting_where_nothing_is_said(
    access: Access, ann: Principal, clock: StandingClock
):
    link, _ = await access.links.create(ann, "one")
    assert link.expires_at == later(clock(), HOUR_S)
    assert (link.download, link.max_uses) == (False, None)


async def test_a_link_ends_to_the_second(access: Access, ann: Principal, clock: StandingClock):
    clock.advance(0.75)
    _, token = await access.links.create(ann, "one", expires_in_s=60)
    clock.advance(59)
    await access.links.check(token, "one")
    clock.advance(0.25)
    assert await refused(access, token) == (Gone, "expired")


async def test_a_link_for_another_file_is_a_bad_signature(access: Access, ann: Principal):
    _, token = await access.links.create(ann, "one")
    assert await refused(access, token, "two") == (Forbidden, "bad_signature")
    assert await refused(access, token, "a\0b") == (Forbidden, "bad_signature")


async def test_a_link_whose_end_was_moved_is_a_bad_signature(access: Access, ann: Principal):
    link, token = await access.links.create(ann, "one")
    moved = struct.pack(">Q", int(link.expires_at.timestamp()) + 3600) + link.id.encode()
    head = Signer(b"another secret of some length").sign("link", moved).split(".")[0]
    assert await refused(access, f"{head}.{token.split('.')[1]}") == (Forbidden, "bad_signature")


async def test_a_token_signed_for_something_else_opens_nothing(access: Access, ann: Principal):
    link, _ = await access.links.create(ann, "one")
    payload = struct.pack(">Q", int(link.expires_at.timestamp())) + link.id.encode()
    other = access.links.signer.sign("csrf", payload)
    assert await refused(access, other) == (Forbidden, "bad_signature")


async def test_a_link_that_was_taken_back_is_gone_at_once(access: Access, ann: Principal):
    link, token = await access.links.create(ann, "one", max_uses=5)
    await access.links.revoke(ann, link.id)
    await access.links.revoke(ann, link.id)
    assert await refused(access, token) == (Gone, "gone")
    with pytest.raises(Gone) as caught:
        await access.links.use(link)
    assert caught.value.code == "gone"
    actions = [row[:3] for row in await access.audited() if row[1].startswith("link.")]
    assert actions == [
        (ann.account_id, "link.created", link.id),
        (ann.account_id, "link.revoked", link.id),
    ]


async def test_only_its_maker_and_admins_take_a_link_back(access: Access, ann: Principal):
    link, token = await access.links.create(ann, "one")
    bob, _ = await access.member("bob")
    root, _ = await access.member("root", Role.ADMIN)
    for link_id in (link.id, "absent", "a\0b", ""):
        with pytest.raises(NotFound):
            await access.links.revoke(bob, link_id)
    await access.links.check(token, "one")
    await access.links.revoke(root, link.id)
    assert await refused(access, token) == (Gone, "gone")


async def test_a_link_goes_with_the_account_that_answers_for_it(access: Access, ann: Principal):
    _, token = await access.links.create(ann, "one")
    await access.accounts.disable(None, "ann")
    assert await refused(access, token) == (Gone, "gone")


async def test_a_link_goes_with_its_file(access: Access, ann: Principal):
    _, token = await access.links.create(ann, "one")
    await access.database.write(lambda connection: connection.execute(delete(files)).rowcount)
    assert await refused(access, token) == (Gone, "gone")


async def test_a_link_is_spent_after_its_last_use(access: Access, ann: Principal):
    link, token = await access.links.create(ann, "one", max_uses=2)
    await access.links.use(link)
    assert (await access.links.check(token, "one")).uses == 1
    await access.links.use(link)
    assert await refused(access, token) == (Gone, "spent")
    with pytest.raises(Gone) as caught:
        await access.links.use(link)
    assert caught.value.code == "spent"


async def test_of_many_that_use_a_one_time_link_at_once_one_wins(access: Access, ann: Principal):
    link, token = await access.links.create(ann, "one", max_uses=1)
    checked = await asyncio.gather(*(access.links.check(token, "one") for _ in range(20)))
    assert checked == [link] * 20
    results = await asyncio.gather(
        *(access.links.use(each) for each in checked), return_exceptions=True
    )
    assert results.count(None) == 1
    assert sum(isinstance(result, Gone) for result in results) == 19


async def test_a_use_after_the_end_is_not_counted(
    access: Access, ann: Principal, clock: StandingClock
):
    link, _ = await access.links.create(ann, "one", max_uses=2)
    clock.advance(HOUR_S)
    with pytest.raises(Gone) as caught:
        await access.links.use(link)
    assert caught.value.code == "expired"


async def test_uses_without_a_limit_are_not_counted(access: Access, ann: Principal):
    link, token = await access.links.create(ann, "one")
    await access.links.use(link)
    assert (await access.links.check(token, "one")).uses == 0


@pytest.mark.parametrize("seconds", [0, 0.5, -1, MAX_TTL_S + 1, float("nan"), float("inf")])
async def test_a_life_out_of_bounds_is_refused(access: Access, ann: Principal, seconds: float):
    with pytest.raises(Invalid) as caught:
        await access.links.create(ann, "one", expires_in_s=seconds)
    assert caught.value.field == "expires_in"


@pytest.mark.parametrize("uses", [0, -1, MAX_USES + 1])
async def test_a_number_of_uses_out_of_bounds_is_refused(access: Access, ann: Principal, uses: int):
    with pytest.raises(Invalid) as caught:
        await access.links.create(ann, "one", max_uses=uses)
    assert caught.value.field == "max_uses"


async def test_the_widest_bounds_fit_the_database(access: Access, ann: Principal):
    _, token = await access.links.create(ann, "one", expires_in_s=MAX_TTL_S, max_uses=MAX_USES)
    await access.links.check(token, "one")


@pytest.mark.parametrize("file_id", ["absent", "", "a\0b"])
async def test_a_link_to_an_absent_file_is_not_found(access: Access, ann: Principal, file_id: str):
    with pytest.raises(NotFound):
        await access.links.create(ann, file_id)


async def test_guests_and_keys_that_may_not_manage_make_and_revoke_no_links(
    access: Access, ann: Principal
):
    reader = Principal(ann.account_id, "ann", Role.MEMBER, (Scope.READ, Scope.UPLOAD))
    for principal, error in ((GUEST, NotSignedIn), (reader, Forbidden)):
        with pytest.raises(error):
            await access.links.create(principal, "one")
        with pytest.raises(error):
            await access.links.revoke(principal, "id")


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(max_size=120) | st.from_regex(r"[\w-]{1,60}\.[\w-]{43}", fullmatch=True))
def test_any_text_as_a_link_is_a_bad_signature(access: Access, token: str):
    with pytest.raises(Forbidden) as caught:
        asyncio.run(access.links.check(token, "one"))
    assert caught.value.code == "bad_signature"
