"""Scores that fade and bans that end, on each database."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from cimaise.access.accounts.accounts import Accounts
from cimaise.access.keys.cache import KeyCache
from cimaise.access.policy import GUEST, Principal, Role
from cimaise.access.risk.bans import Bans
from cimaise.access.risk.scores import Reason, add_score, forget_scores, risks, site_of
from cimaise.access.risk.watch import Watch
from cimaise.database.audit.reading import Wanted, find_entries
from cimaise.database.engine import Database
from cimaise.errors import Forbidden, Invalid, NotFound, NotSignedIn
from tests.conftest import StandingClock

BOSS = Principal("boss", "boss", Role.ADMIN)
HALF_LIFE_S = 6 * 3600


@pytest.fixture
def watch(database: Database, clock: StandingClock) -> Watch:
    return Watch(database, clock, slow_at=10, challenge_at=20)


@pytest.fixture
async def ann(database: Database, clock: StandingClock, new_id: Any) -> Principal:
    made, _ = await Accounts(database, clock, new_id, KeyCache(clock)).create(None, name="ann")
    return made.principal


@pytest.fixture
def bans(database: Database, clock: StandingClock, new_id: Any, watch: Watch) -> Bans:
    return Bans(database, clock, new_id, watch.hurry)


async def failed(database: Database, clock: StandingClock, holder: str, times: int) -> None:
    for _ in range(times):
        await database.write(
            lambda connection: add_score(connection, holder, Reason.FAILED_UPLOAD, now=clock())
        )


async def test_a_score_fades_by_half_in_its_time_and_grows_from_what_is_left(
    database: Database, clock: StandingClock
):
    await failed(database, clock, "ann", 8)
    clock.advance(HALF_LIFE_S)
    await failed(database, clock, "ann", 2)
    [risk] = await database.read(lambda connection: risks(connection, now=clock()))
    assert (risk.holder, round(risk.score, 6)) == ("ann", 6)
    clock.advance(2 * HALF_LIFE_S)
    [risk] = await database.read(lambda connection: risks(connection, now=clock()))
    assert round(risk.score, 6) == 1.5
    clock.advance(100 * HALF_LIFE_S)
    assert await database.read(lambda connection: risks(connection, now=clock())) == []
    old = clock() - timedelta(days=7)
    assert await database.write(lambda connection: forget_scores(connection, before=old)) == 1


async def test_none_is_lost_where_many_are_added_at_once(database: Database, clock: StandingClock):
    await asyncio.gather(*(failed(database, clock, "ann", 5) for _ in range(6)))
    [risk] = await database.read(lambda connection: risks(connection, now=clock()))
    assert round(risk.score, 6) == 30


@pytest.mark.parametrize(
    ("times", "factor", "is_asked"),
    [(1, 1.0, False), (10, 1.0, False), (12, 10 / 12, False), (20, 0.5, True), (150, 0.1, True)],
)
async def test_a_score_slows_and_then_asks_for_a_challenge(
    database: Database,
    clock: StandingClock,
    watch: Watch,
    times: int,
    factor: float,
    is_asked: bool,
):
    await failed(database, clock, "ann-id", times)
    await watch.read()
    care = watch.care(Principal("ann-id", "ann", Role.MEMBER), "192.0.2.1")
    assert (round(care.factor, 6), care.asks_challenge) == (round(factor, 6), is_asked)
    assert watch.care(Principal("bob", "bob", Role.MEMBER), "192.0.2.1").score == 0


async def test_guests_have_the_score_of_their_address(watch: Watch):
    await watch.note(GUEST, "2001:db8::1", Reason.REFUSED_TYPE)
    await watch.note(GUEST, "nowhere", Reason.REFUSED_TYPE)
    for _ in range(10):
        await watch.note(GUEST, "2001:db8:0:2::1", Reason.REFUSED_TYPE)
        await watch.note(GUEST, "2001:db8:0:2::1", Reason.FAILED_UPLOAD)
    await watch.read()
    assert watch.care(GUEST, "2001:db8:0:2::ffff").score == pytest.approx(20)
    assert watch.care(GUEST, "2001:db8::ffff").score == 0  # too low to lead to anything
    assert watch.care(GUEST, "2001:db8:0:1::1").score == 0
    found = [risk.holder for risk in await watch.risks()]
    assert found == ["2001:db8:0:2::/64", "2001:db8::/64"]


async def test_a_ban_keeps_an_account_out_until_it_ends(
    bans: Bans, watch: Watch, ann: Principal, clock: StandingClock
):
    until = clock() + timedelta(hours=1)
    await bans.create(BOSS, account="ann", network=None, reason="spam", until=until)
    await watch.read()
    with pytest.raises(Forbidden) as refused:
        watch.require_welcome(ann, "192.0.2.1")
    assert refused.value.code == "banned"
    watch.require_welcome(GUEST, "192.0.2.1")
    clock.advance(3601)
    watch.require_welcome(ann, "192.0.2.1")  # at once, without reading
    await watch.read()
    watch.require_welcome(ann, "192.0.2.1")


async def test_a_ban_of_a_network_spares_administrators_and_is_lifted(
    bans: Bans, watch: Watch, ann: Principal, database: Database
):
    made = await bans.create(
        BOSS, account=None, network="192.0.2.7/24", reason="floods", until=None
    )
    assert made.network == "192.0.2.0/24"
    await watch.read()
    for banned in ("192.0.2.200", "::ffff:192.0.2.9"):
        with pytest.raises(Forbidden):
            watch.require_welcome(GUEST, banned)
    with pytest.raises(Forbidden):
        watch.require_welcome(ann, "192.0.2.200")
    watch.require_welcome(BOSS, "192.0.2.200")
    for other in ("192.0.3.1", "2001:db8::1", ""):
        watch.require_welcome(ann, other)
    await bans.lift(BOSS, made.id)
    await bans.lift(BOSS, made.id)
    await watch.read()
    watch.require_welcome(GUEST, "192.0.2.200")
    wanted = Wanted(subject=made.id)
    told = await database.read(lambda connection: find_entries(connection, wanted, limit=9))
    assert [entry.action for entry in told] == ["ban.lifted", "ban.created"]
    assert told[-1].details["reason"] == "floods"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({}, Invalid),
        ({"account": "ann", "network": "192.0.2.1"}, Invalid),
        ({"network": "0.0.0.0/0"}, Invalid),
        ({"network": "192.0.2"}, Invalid),
        ({"account": "nobody"}, NotFound),
        ({"account": "ann", "reason": "  "}, Invalid),
        ({"account": "ann", "until": timedelta(0)}, Invalid),
    ],
)
async def test_a_ban_that_makes_no_sense_is_refused(
    bans: Bans, ann: Principal, clock: StandingClock, wrong: dict[str, Any], error: type[Exception]
):
    given: dict[str, Any] = {"account": None, "network": None, "reason": "r", "until": None} | wrong
    if given["until"] is not None:
        given["until"] = clock() + given["until"]
    with pytest.raises(error):
        await bans.create(BOSS, **given)
    assert await bans.list(BOSS) == []


async def test_only_administrators_ban_and_are_never_banned(bans: Bans, ann: Principal):
    with pytest.raises(Forbidden):
        await bans.create(ann, account="ann", network=None, reason="r", until=None)
    with pytest.raises(NotSignedIn):
        await bans.list(GUEST)
    with pytest.raises(NotFound):
        await bans.lift(BOSS, "no-such-ban")


@pytest.mark.parametrize(
    ("host", "site"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::/64"),
     ("", None), ("unix:/run/x", None)],
)  # fmt: skip
def test_an_address_counts_by_its_site(host: str, site: str | None):
    assert site_of(host) == site
