"""Rates, places and referrers before a transfer begins."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cimaise.access.policy import GUEST, Principal, Role
from cimaise.delivery.guard import Asking, Guard, Limits
from cimaise.delivery.referrers import ReferrerRule
from cimaise.delivery.visitors import Visitor
from cimaise.errors import Forbidden, TooMany
from cimaise.state.base import State
from cimaise.state.table import open_state

ANN = Principal("ann", "ann", Role.MEMBER)
GUEST_ASKS = Asking(GUEST, "203.0.113.7", Visitor.BROWSER)
ANN_ASKS = Asking(ANN, "203.0.113.7", Visitor.BROWSER)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    opened = open_state("local:", data_dir=tmp_path)
    yield opened
    await opened.close()


def guard(state: State, rule: ReferrerRule = ReferrerRule(), **limits: object) -> Guard:  # noqa: B008
    return Guard(state, rule, Limits(**limits))  # type: ignore[arg-type]


async def allowed(guarded: Guard, asking: Asking, times: int) -> int:
    """How many of so many may begin."""
    count = 0
    for _ in range(times):
        try:
            await guarded.require_allowed(asking)
            count += 1
        except TooMany as refusal:
            assert refusal.code == "transfer_rate"
            assert refusal.retry_after_s is not None
            assert 1 <= refusal.retry_after_s <= 60
    return count


async def test_without_limits_nothing_is_refused(state: State):
    free = guard(state)
    assert await allowed(free, GUEST_ASKS, 500) == 500
    async with free.place(GUEST_ASKS), free.place(GUEST_ASKS):
        pass


async def test_an_address_may_begin_so_many_in_a_minute(state: State):
    guarded = guard(state, address_requests=5)
    assert await allowed(guarded, GUEST_ASKS, 8) == 5
    assert await allowed(guarded, replace(GUEST_ASKS, address="203.0.113.8"), 2) == 2
    assert await allowed(guarded, ANN_ASKS, 20) == 20  # who signed in is counted by account


async def test_an_account_may_begin_so_many_wherever_it_comes_from(state: State):
    guarded = guard(state, account_requests=3)
    assert await allowed(guarded, ANN_ASKS, 2) == 2
    assert await allowed(guarded, replace(ANN_ASKS, address="198.51.100.1"), 4) == 1
    assert await allowed(guarded, GUEST_ASKS, 9) == 9


async def test_an_ipv6_customer_is_one_address(state: State):
    guarded = guard(state, address_requests=2)
    one, other = "2001:db8:1:2:aaaa::1", "2001:db8:1:2:bbbb::2"
    stranger = "2001:db8:1:3::1"
    assert await allowed(guarded, replace(GUEST_ASKS, address=one), 1) == 1
    assert await allowed(guarded, replace(GUEST_ASKS, address=other), 2) == 1
    assert await allowed(guarded, replace(GUEST_ASKS, address=stranger), 2) == 2
    assert await allowed(guarded, replace(GUEST_ASKS, address="::ffff:203.0.113.9"), 2) == 2
    assert await allowed(guarded, replace(GUEST_ASKS, address="203.0.113.9"), 1) == 0


@pytest.mark.parametrize("asking", [GUEST_ASKS, ANN_ASKS])
async def test_places_are_given_back_when_a_transfer_ends_or_breaks(state: State, asking: Asking):
    guarded = guard(state, address_at_once=2, account_at_once=2)
    async with guarded.place(asking):
        with pytest.raises(RuntimeError):
            async with guarded.place(asking):
                raise RuntimeError
        async with guarded.place(asking):
            with pytest.raises(TooMany) as caught:
                await guarded.place(asking).__aenter__()
            assert caught.value.code == "transfers_at_once"
            assert caught.value.retry_after_s
    async with guarded.place(asking), guarded.place(asking):
        pass


async def test_a_client_without_an_address_is_not_counted_with_others(state: State):
    guarded = guard(state, address_requests=1, address_at_once=1)
    nameless = replace(GUEST_ASKS, address=None)
    assert await allowed(guarded, nameless, 5) == 5
    async with guarded.place(nameless), guarded.place(nameless):
        pass


async def test_another_site_embeds_nothing_unless_its_reader_has_signed_in(state: State):
    guarded = guard(state, ReferrerRule(("friend.example",), ("own.example",)))
    thief = "https://thief.test/page"
    with pytest.raises(Forbidden) as caught:
        await guarded.require_allowed(replace(GUEST_ASKS, referrer=thief))
    assert caught.value.code == "hotlink"
    await guarded.require_allowed(replace(GUEST_ASKS, referrer="https://friend.example/"))
    await guarded.require_allowed(replace(GUEST_ASKS, referrer=thief, is_visit=True))
    await guarded.require_allowed(replace(ANN_ASKS, referrer=thief))


async def test_crawlers_can_be_refused(state: State):
    crawler = replace(GUEST_ASKS, visitor=Visitor.CRAWLER)
    await guard(state).require_allowed(crawler)
    with pytest.raises(Forbidden) as caught:
        await guard(state, refuses_crawlers=True).require_allowed(crawler)
    assert caught.value.code == "crawler"
