"""Links are taken back one by one, by file, by account and by key: here at once, elsewhere soon."""

from collections.abc import Callable

import pytest
from sqlalchemy import event

from cimaise.access.links.cache import TTL_S, LinkCache
from cimaise.access.links.links import Links
from cimaise.access.policy import Principal, Role, Scope
from cimaise.access.signing import Signer
from cimaise.errors import Forbidden, Gone, NotFound
from tests.conftest import StandingClock
from tests.kit.access import HOUR_S, Access
from tests.kit.linked_files import add_files


class Seconds:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def new_process(access: Access, seconds: Seconds) -> Callable[[], Links]:
    """The links as another process of the installation has them: same rows, own cache."""

    def make() -> Links:
        signer = Signer(b"s" * 32)
        cache = LinkCache(seconds)
        links = Links(access.database, access.clock, access.new_id, signer, HOUR_S, cache)
        access.cache.follow(cache.empty)
        return links

    return make


@pytest.fixture
async def ann(access: Access, clock: StandingClock) -> Principal:
    principal, key = await access.member("ann")
    await add_files(access.database, principal.account_id, ("one", "two"), clock())
    return await access.authenticator().authenticate(f"Bearer {key}", None)


async def is_gone(links: Links, token: str, file_id: str = "one") -> bool:
    try:
        await links.check(token, file_id)
    except Gone as refusal:
        assert refusal.code == "gone"
        return True
    return False


async def test_here_a_link_is_gone_at_once_and_elsewhere_within_a_second(
    new_process: Callable[[], Links], ann: Principal, seconds: Seconds
):
    here, elsewhere = new_process(), new_process()
    link, token = await here.create(ann, "one")
    assert not await is_gone(here, token)
    assert not await is_gone(elsewhere, token)
    await here.revoke(ann, link.id)
    assert await is_gone(here, token)
    seconds.now += TTL_S
    assert await is_gone(elsewhere, token)


async def test_every_link_to_a_file_is_taken_back(new_process: Callable[[], Links], ann: Principal):
    links = new_process()
    of_one = [(await links.create(ann, "one"))[1] for _ in range(3)]
    _, of_two = await links.create(ann, "two")
    assert not await is_gone(links, of_one[0])
    assert await links.revoke_of_file(ann, "one") == 3
    assert [await is_gone(links, token) for token in of_one] == [True] * 3
    assert not await is_gone(links, of_two, "two")
    assert await links.revoke_of_file(ann, "one") == 0


async def test_every_link_of_an_account_is_taken_back(
    access: Access, new_process: Callable[[], Links], ann: Principal
):
    links = new_process()
    bob, _ = await access.member("bob")
    root, _ = await access.member("root", Role.ADMIN)
    _, hers = await links.create(ann, "one")
    _, his = await links.create(bob, "one")
    with pytest.raises(NotFound):
        await links.revoke_of_account(bob, account_id=ann.account_id)
    assert await links.revoke_of_account(ann) == 1
    assert await is_gone(links, hers)
    assert not await is_gone(links, his)
    assert await links.revoke_of_account(root, account_id=bob.account_id) == 1
    assert await is_gone(links, his)


async def test_links_go_with_the_key_that_they_were_made_with(
    access: Access, new_process: Callable[[], Links], ann: Principal
):
    links = new_process()
    key, text = await access.keys.create_key(ann, name="second")
    with_second = await access.authenticator().authenticate(f"Bearer {text}", None)
    assert with_second.key_id == key.id
    assert with_second == ann  # who asks is the same
    _, first_token = await links.create(ann, "one")
    _, second_token = await links.create(with_second, "one")
    assert not await is_gone(links, second_token)
    await access.keys.revoke_key(ann, key.id)
    assert await is_gone(links, second_token)
    assert not await is_gone(links, first_token)


async def test_links_of_one_key_are_taken_back_and_the_key_stays(
    access: Access, new_process: Callable[[], Links], ann: Principal
):
    links = new_process()
    key, text = await access.keys.create_key(ann, name="second")
    with_second = await access.authenticator().authenticate(f"Bearer {text}", None)
    _, first_token = await links.create(ann, "one")
    _, second_token = await links.create(with_second, "one")
    assert await links.revoke_of_account(ann, key_id=key.id) == 1
    assert await is_gone(links, second_token)
    assert not await is_gone(links, first_token)


async def test_a_disabled_account_takes_its_links_along_at_once(
    access: Access, new_process: Callable[[], Links], ann: Principal
):
    links = new_process()
    _, token = await links.create(ann, "one")
    assert not await is_gone(links, token)
    await access.accounts.disable(None, "ann")
    assert await is_gone(links, token)


async def test_who_may_not_manage_takes_nothing_back(
    new_process: Callable[[], Links], ann: Principal
):
    reader = Principal(ann.account_id, "ann", Role.MEMBER, (Scope.READ,))
    links = new_process()
    with pytest.raises(Forbidden):
        await links.revoke_of_account(reader)
    with pytest.raises(Forbidden):
        await links.revoke_of_file(reader, "one")


async def test_links_that_still_open_a_file_are_listed(
    new_process: Callable[[], Links], ann: Principal, clock: StandingClock
):
    links = new_process()
    old, _ = await links.create(ann, "one", expires_in_s=60)
    clock.advance(30)
    new, _ = await links.create(ann, "one", max_uses=3)
    gone, _ = await links.create(ann, "one")
    await links.create(ann, "two")
    await links.revoke(ann, gone.id)
    assert await links.of_file(ann, "one") == [new, old]
    clock.advance(30)
    assert await links.of_file(ann, "one") == [new]


async def test_a_player_that_asks_for_many_ranges_costs_one_look_up_a_second(
    access: Access, new_process: Callable[[], Links], ann: Principal, seconds: Seconds
):
    links = new_process()
    _, token = await links.create(ann, "one")
    asked: list[str] = []
    engine = access.database._reader
    event.listen(engine, "before_cursor_execute", lambda _c, _u, text, *_: asked.append(text))
    for _ in range(50):
        await links.check(token, "one")
    seconds.now += TTL_S
    await links.check(token, "one")
    assert sum("FROM links" in text for text in asked) == 2


async def test_what_was_looked_up_before_a_change_is_not_kept_after_it(
    new_process: Callable[[], Links], ann: Principal
):
    links = new_process()
    link, token = await links.create(ann, "one")
    generation = links.cache.generation
    await links.revoke(ann, link.id)
    links.cache.put(link, generation=generation)
    assert await is_gone(links, token)


def test_the_cache_has_bounds(seconds: Seconds, clock: StandingClock):
    from cimaise.access.links.rows import Link  # noqa: PLC0415

    cache = LinkCache(seconds)
    for number in range(10_050):
        link = Link(f"l{number}", "one", "ann", False, None, 0, clock(), clock())
        cache.put(link, generation=cache.generation)
    assert cache.get("l0") is None
    assert cache.get("l10049") is not None
    seconds.now += TTL_S
    assert cache.get("l10049") is None
