"""Upload tokens and their counts, on both databases, also when many come at once."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert, update

from cimaise.access import token_counts
from cimaise.access.links.upload_tokens import UploadToken, UploadTokens
from cimaise.access.policy import (
    GUEST,
    CollectionFacts,
    Principal,
    Role,
    Visibility,
    may_contribute,
    may_manage,
    require_manage_file,
    require_scope,
)
from cimaise.database.schema import accounts, collections, upload_tokens
from cimaise.errors import Forbidden, Gone, Invalid, NotFound, NotSignedIn, TooLarge
from tests.conftest import StandingClock
from tests.kit.access import Access


@pytest.fixture
async def ann(access: Access, clock: StandingClock) -> Principal:
    """A member with the collection ``c``."""
    principal, _ = await access.member("ann")
    now = clock()
    await access.database.write(
        lambda connection: (
            connection.execute(
                insert(collections).values(
                    id="c", name="c", title="c", visibility="private",
                    owner_id=principal.account_id, policy={}, created_at=now, updated_at=now,
                )
            ).rowcount
        )
    )  # fmt: skip
    return principal


@pytest.fixture
def tokens(access: Access) -> UploadTokens:
    return UploadTokens(access.database, access.clock, access.new_id)


def facts(owner: Principal) -> CollectionFacts:
    return CollectionFacts(owner.account_id, Visibility.PRIVATE, id="c")


def taking(
    token: UploadToken, clock: StandingClock, size: int, files: int = 1
) -> Callable[[Connection], None]:
    return lambda connection: token_counts.take(
        connection, token.id, size=size, files=files, now=clock()
    )


async def found(tokens: UploadTokens, ann: Principal) -> UploadToken:
    return (await tokens.list(ann))[0]


async def test_a_token_gives_the_makers_account_and_no_more(tokens: UploadTokens, ann: Principal):
    made, text = await tokens.create(ann, facts(ann), max_bytes=10)
    right = await tokens.resolve(text)
    assert (right.collection, right.token, right.token.max_bytes) == ("c", made, 10)
    assert right.principal.account_id == ann.account_id
    assert (await tokens.right_of(made.id)) == right
    assert may_contribute(right.principal, facts(ann))
    assert not may_contribute(right.principal, CollectionFacts(ann.account_id, Visibility.PUBLIC, id="d"))  # fmt: skip
    assert not may_contribute(right.principal, CollectionFacts(ann.account_id, Visibility.PUBLIC))
    assert not may_manage(right.principal, facts(ann))
    with pytest.raises(Forbidden):
        require_manage_file(right.principal, facts(ann), owner_id=ann.account_id)
    with pytest.raises(Forbidden):
        require_scope(right.principal, "manage")  # type: ignore[arg-type]


async def test_an_admins_token_is_no_admin(tokens: UploadTokens, access: Access, ann: Principal):
    root, _ = await access.member("boss")
    await access.database.write(
        lambda connection: (
            connection.execute(
                update(accounts).where(accounts.c.id == root.account_id).values(role="admin")
            ).rowcount
        )
    )
    admin = Principal(root.account_id, root.name, Role.ADMIN)
    _, text = await tokens.create(admin, facts(ann))
    principal = (await tokens.resolve(text)).principal
    assert not principal.is_admin
    assert may_contribute(principal, facts(ann))
    assert not may_manage(principal, facts(ann))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"expires_in_s": 0.5}, "expires_in"),
        ({"expires_in_s": float("nan")}, "expires_in"),
        ({"expires_in_s": 400 * 86400}, "expires_in"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"max_files": 0}, "max_files"),
    ],
)
async def test_bounds(tokens: UploadTokens, ann: Principal, more: dict[str, float], field: str):
    with pytest.raises(Invalid) as caught:
        await tokens.create(ann, facts(ann), **more)  # type: ignore[arg-type]
    assert caught.value.field == field


async def test_only_who_may_upload_makes_one(tokens: UploadTokens, ann: Principal):
    with pytest.raises(NotSignedIn):
        await tokens.create(GUEST, facts(ann))
    with pytest.raises(Forbidden):
        await tokens.create(Principal("x", "x", Role.MEMBER), facts(ann))
    for scopes in (("manage",), ("upload",)):
        limited = Principal(ann.account_id, ann.name, Role.MEMBER, scopes)
        with pytest.raises(Forbidden):
            await tokens.create(limited, facts(ann))
    with pytest.raises(NotFound):
        await tokens.create(ann, CollectionFacts(ann.account_id, Visibility.PRIVATE, id="gone"))


async def test_it_ends_at_its_second(tokens: UploadTokens, ann: Principal, clock: StandingClock):
    _, text = await tokens.create(ann, facts(ann), expires_in_s=60)
    clock.advance(59)
    await tokens.resolve(text)
    clock.advance(1)
    with pytest.raises(Gone) as caught:
        await tokens.resolve(text)
    assert caught.value.code == "expired"
    assert await tokens.list(ann) == []


@pytest.mark.parametrize("text", ["", "x", "a" * 43, "a" * 42 + "\n", "é" * 43, "a" * 10_000])
async def test_any_other_text_is_not_found(tokens: UploadTokens, ann: Principal, text: str):
    await tokens.create(ann, facts(ann))
    with pytest.raises(NotFound):
        await tokens.resolve(text)


async def test_counts_never_pass_a_limit_and_are_never_refused_below_it(
    tokens: UploadTokens, access: Access, ann: Principal, clock: StandingClock
):
    made, _ = await tokens.create(ann, facts(ann), max_bytes=100, max_files=20)
    results = await asyncio.gather(
        *(access.database.write(taking(made, clock, 7)) for _ in range(30)),
        return_exceptions=True,
    )
    refused = [one for one in results if one is not None]
    assert all(isinstance(one, TooLarge) for one in refused)
    assert len(refused) == 30 - 14
    now = await found(tokens, ann)
    assert (now.taken_bytes, now.taken_files) == (98, 14)
    await access.database.write(taking(made, clock, 2))
    assert (await found(tokens, ann)).taken_bytes == 100


async def test_what_is_refused_names_the_limit(
    tokens: UploadTokens, access: Access, ann: Principal, clock: StandingClock
):
    made, _ = await tokens.create(ann, facts(ann), max_bytes=10, max_files=1)
    await access.database.write(taking(made, clock, 4))
    for size, files, name, actual in ((7, 0, "max_bytes", 11), (1, 1, "max_files", 2)):
        with pytest.raises(TooLarge) as caught:
            await access.database.write(taking(made, clock, size, files))
        assert caught.value.limit is not None
        assert (caught.value.limit.name, caught.value.limit.actual) == (
            f"upload_token.{name}",
            actual,
        )


async def test_what_has_begun_may_end_after_its_time_but_nothing_begins(
    tokens: UploadTokens, access: Access, ann: Principal, clock: StandingClock
):
    made, _ = await tokens.create(ann, facts(ann), expires_in_s=60)
    await access.database.write(taking(made, clock, 4))
    clock.advance(61)
    await access.database.write(taking(made, clock, 3, files=0))
    with pytest.raises(Gone):
        await access.database.write(taking(made, clock, 1))
    await access.database.write(
        lambda connection: token_counts.keep(connection, made.id, reserved=7, size=6)
    )


@pytest.mark.parametrize("how", ["revoked", "disabled"])
async def test_nothing_arrives_with_what_was_taken_back(
    tokens: UploadTokens, access: Access, ann: Principal, clock: StandingClock, how: str
):
    made, text = await tokens.create(ann, facts(ann))
    await access.database.write(taking(made, clock, 4))
    if how == "revoked":
        await tokens.revoke(ann, made.id)
        await tokens.revoke(ann, made.id)
    else:
        await access.accounts.disable(None, ann.name)
    with pytest.raises(Gone):
        await tokens.resolve(text)
    with pytest.raises(Gone):
        await access.database.write(taking(made, clock, 0, files=0))
    with pytest.raises(Gone):
        await access.database.write(
            lambda connection: token_counts.keep(connection, made.id, reserved=4, size=4)
        )
    await access.database.write(
        lambda connection: token_counts.give_back(connection, made.id, size=4)
    )
    row = await access.database.read(
        lambda connection: connection.execute(upload_tokens.select()).one()
    )
    assert (row.taken_bytes, row.taken_files) == (0, 0)
