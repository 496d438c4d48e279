"""Webhooks against a receiver on a real socket, which checks signatures by itself."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cimaise.access.policy import Principal, Role
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.errors import Forbidden, Invalid, NotFound, WrongState
from cimaise.jobs.base import Job, Turn
from cimaise.jobs.events import follow_events
from cimaise.jobs.turns import take_turn
from cimaise.state.local import LocalState
from cimaise.webhooks.rows import Webhook, wants
from cimaise.webhooks.sending import KEPT, PAUSES_S, forget_old
from cimaise.webhooks.service import Webhooks
from tests.conftest import StandingClock

ROOT = Principal("root", "root", Role.ADMIN)
ANN = Principal("ann", "ann", Role.MEMBER)


@dataclass
class Receiver:
    """What has come, and what is answered."""

    url: str = ""
    status: int = 200
    came: list[dict[str, Any]] = field(default_factory=list)
    secret: str = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.text()
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        head = request.headers
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.{body}".encode()
        wanted = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
        assert head["webhook-signature"] == f"v1,{wanted}"
        self.came.append({"id": head["webhook-id"], **json.loads(body)})
        return web.Response(status=self.status, headers={"location": self.url})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    application = web.Application()
    application.router.add_post("/hook", made.take)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@dataclass
class Desk:
    """The feature on one database."""

    database: Database
    clock: StandingClock
    new_id: Any
    receiver: Receiver

    @property
    def webhooks(self) -> Webhooks:
        return Webhooks(self.database, self.clock, self.new_id)

    async def hook(self, *events: str) -> Webhook:
        hook = await self.webhooks.create(ROOT, self.receiver.url, list(events or ["*"]))
        self.receiver.secret = hook.secret
        return hook

    async def happen(self, action: str, **details: Any) -> None:
        await self.database.write(
            lambda connection: record(
                connection, at=self.clock(), account_id="ann", action=action, subject="thing",
                details=details,
            )
        )  # fmt: skip

    async def round(self) -> int:
        """One run of the job."""
        return await follow_events(Turn(self.clock(), self.database), self.new_id, self.clock)


@pytest.fixture
def desk(database: Database, clock: StandingClock, new_id: Any, receiver: Receiver) -> Desk:
    return Desk(database, clock, new_id, receiver)


async def test_what_happens_is_told_once_and_signed(desk: Desk):
    await desk.happen("file.published", before="the webhook")
    hook = await desk.hook("file.*")
    await desk.happen("file.published", size=5)
    await desk.happen("upload.pending")
    assert await desk.round() == 1
    assert await desk.round() == 0
    [came] = [one for one in desk.receiver.came if one["type"] == "file.published"]
    assert came["data"] == {"subject": "thing", "account": "ann", "size": 5}
    assert came["timestamp"] == "2026-03-09T10:11:12Z"
    [delivery] = await desk.webhooks.deliveries(ROOT, hook.id, limit=9)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 1, 200)


async def test_one_round_tells_all_that_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    for batch in (
        "database.audit.sealing.BATCH",
        "webhooks.rows.ENTRIES",
        "webhooks.sending.BATCH",
    ):
        monkeypatch.setattr(f"cimaise.{batch}", 3)
    await desk.hook("thing.*")
    for number in range(10):
        await desk.happen("thing.done", number=number)
    assert await desk.round() == 10
    assert sorted(one["data"]["number"] for one in desk.receiver.came) == list(range(10))


async def test_a_round_ends_when_its_time_is_over(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cimaise.webhooks.sending.BATCH", 3)
    await desk.hook("thing.*")
    for number in range(10):
        await desk.happen("thing.done", number=number)
    turn, started = Turn(desk.clock(), desk.database), desk.clock()
    times = iter([started])
    late = started + timedelta(seconds=6)
    taken = await follow_events(turn, desk.new_id, lambda: next(times, late))
    assert taken == 3
    assert await desk.round() == 7


async def test_deliveries_that_ended_a_month_ago_are_forgotten(desk: Desk):
    hook = await desk.hook("thing.*")
    await desk.happen("thing.done")
    assert await desk.round() == 1
    late = desk.clock() + KEPT
    assert await forget_old(desk.database, late) == 0
    assert await forget_old(desk.database, late + timedelta(seconds=1)) == 1
    assert await desk.webhooks.deliveries(ROOT, hook.id, limit=9) == []
    assert await desk.round() == 0


async def test_the_details_of_an_entry_do_not_say_who_did_it(desk: Desk):
    await desk.hook("thing.*")
    await desk.happen("thing.done", account="mallory", subject="another", size=5)
    await desk.round()
    [came] = desk.receiver.came
    assert came["data"] == {"subject": "thing", "account": "ann", "size": 5}


async def test_what_was_undone_is_told_to_nobody(desk: Desk):
    await desk.hook("file.*")

    def half(connection: Any) -> None:
        record(
            connection, at=desk.clock(), account_id=None, action="file.published", subject="x",
            details={},
        )  # fmt: skip
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await desk.database.write(half)
    await desk.round()
    assert desk.receiver.came == []


async def test_a_receiver_that_fails_is_tried_again_later_and_later_with_the_same_id(desk: Desk):
    hook = await desk.hook("file.*")
    desk.receiver.status = 500
    await desk.happen("file.published")
    await desk.round()
    for pause in PAUSES_S[:3]:
        desk.clock.advance(pause - 1)
        assert await desk.round() == 0
        before = len(desk.receiver.came)
        desk.clock.advance(1)
        await desk.round()
        assert len(desk.receiver.came) == before + 1
    desk.receiver.status = 204
    desk.clock.advance(PAUSES_S[3])
    assert await desk.round() == 1
    assert len({one["id"] for one in desk.receiver.came}) == 1
    [delivery] = await desk.webhooks.deliveries(ROOT, hook.id, limit=9)
    assert (delivery.state, delivery.attempts) == ("delivered", 5)


async def test_after_the_last_attempt_it_has_failed_and_can_be_replayed(desk: Desk):
    hook = await desk.hook("file.*")
    desk.receiver.status = 503
    await desk.happen("file.published")
    await desk.round()
    for pause in PAUSES_S:
        desk.clock.advance(pause)
        await desk.round()
    [delivery] = await desk.webhooks.deliveries(ROOT, hook.id, limit=9)
    assert (delivery.state, delivery.attempts) == ("failed", len(PAUSES_S) + 1)
    desk.clock.advance(30 * 86_400)
    await desk.round()
    assert len(desk.receiver.came) == len(PAUSES_S) + 1
    desk.receiver.status = 200
    again = await desk.webhooks.replay(ROOT, hook.id, delivery.id)
    assert again.state == "waiting"
    with pytest.raises(WrongState):
        await desk.webhooks.replay(ROOT, hook.id, delivery.id)
    assert await desk.round() == 1
    assert desk.receiver.came[-1]["id"] == desk.receiver.came[0]["id"]


@pytest.mark.parametrize(("status", "state"), [(410, "failed"), (302, "waiting"), (299, "delivered")])  # fmt: skip
async def test_what_an_answer_means(desk: Desk, status: int, state: str):
    hook = await desk.hook("file.*")
    desk.receiver.status = status
    await desk.happen("file.published")
    await desk.round()
    assert len(desk.receiver.came) == 1  # a redirect is not followed
    [delivery] = await desk.webhooks.deliveries(ROOT, hook.id, limit=9)
    assert (delivery.state, delivery.last_status) == (state, status)


async def test_nobody_there_is_an_attempt_with_its_reason(desk: Desk):
    desk.receiver.url = "http://127.0.0.1:9/hook"
    hook = await desk.hook("file.*")
    await desk.happen("file.published")
    assert await desk.round() == 0
    [delivery] = await desk.webhooks.deliveries(ROOT, hook.id, limit=9)
    assert (delivery.state, delivery.last_status) == ("waiting", None)
    assert delivery.last_error is not None
    assert delivery.next_at == desk.clock() + timedelta(seconds=PAUSES_S[0])


async def test_two_servers_at_once_tell_it_once(desk: Desk, tmp_path: Path):
    await desk.hook("file.*")
    for _ in range(5):
        await desk.happen("file.published")
    state = LocalState(tmp_path / "state")
    job = Job("events", 5, lambda turn: follow_events(turn, desk.new_id, desk.clock))
    turns = [take_turn(job, state=state, database=desk.database, clock=desk.clock) for _ in "ab"]
    assert sorted(await asyncio.gather(*turns), key=str) == [5, None]
    assert len(desk.receiver.came) == 5
    await state.close()


async def test_a_webhook_that_has_ended_hears_nothing_more(desk: Desk):
    hook = await desk.hook("*")
    desk.receiver.status = 500
    await desk.happen("file.published")
    await desk.round()
    heard = len(desk.receiver.came)
    await desk.webhooks.end(ROOT, hook.id)
    desk.clock.advance(86_400)
    await desk.happen("file.published")
    await desk.round()
    assert len(desk.receiver.came) == heard
    assert await desk.webhooks.list(ROOT) == []
    with pytest.raises(NotFound):
        await desk.webhooks.end(ROOT, hook.id)


@pytest.mark.parametrize(
    ("url", "events"),
    [
        ("ftp://x/y", ["*"]),
        ("http://", ["*"]),
        ("http://x:99999/", ["*"]),
        ("http://x/a b", ["*"]),
        ("http://x/" + "a" * 2000, ["*"]),
        ("http://x/", []),
        ("http://x/", ["%"]),
        ("http://x/", ["a" * 41]),
    ],
)
async def test_what_is_no_webhook_is_refused(desk: Desk, url: str, events: list[str]):
    with pytest.raises(Invalid):
        await desk.webhooks.create(ROOT, url, events)


async def test_webhooks_are_for_administrators(desk: Desk):
    with pytest.raises(Forbidden):
        await desk.webhooks.create(ANN, desk.receiver.url, ["*"])
    with pytest.raises(Forbidden):
        await desk.webhooks.list(ANN)


@pytest.mark.parametrize(
    ("events", "action", "is_wanted"),
    [
        (["*"], "file.published", True),
        (["file.*"], "file.published", True),
        (["file.published"], "file.published", True),
        (["file.publish"], "file.published", False),
        (["upload.*"], "file.published", False),
    ],
)
def test_which_events_are_wanted(events: list[str], action: str, is_wanted: bool):
    assert wants(events, action) == is_wanted
