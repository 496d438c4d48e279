"""Two servers on one PostgreSQL and one Redis: what one takes back, the other refuses as well.

On the second one nothing that was looked up grows old, so only what it is told can end it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from cimaise.settings import Settings
from tests.kit.application import RunningApplication, running_application
from tests.kit.own_pictures import OwnPicture, own_picture, stand_still
from tests.kit.redis_server import RedisServer

LIMIT_S = 30


@dataclass
class Pair:
    """What the first machine shows, and the second machine."""

    shown: OwnPicture
    second: RunningApplication
    stack: ExitStack

    def there(self, headers: dict[str, str] | None = None) -> httpx2.Client:
        """A client of the second machine."""
        return self.stack.enter_context(
            httpx2.Client(base_url=self.second.url, headers=headers, timeout=30)
        )


@pytest.fixture
def pair(tmp_path: Path, new_database: Callable[[str], str], redis: RedisServer) -> Iterator[Pair]:
    url = new_database("postgresql")

    def change(settings: Settings) -> Settings:
        return replace(
            settings,
            database=replace(settings.database, url=url),
            state=replace(settings.state, url=redis.url),
            storage=replace(settings.storage, url=f"file://{tmp_path}/objects"),
            server=replace(settings.server, secret=("one secret for both of the machines",)),
        )

    with (
        own_picture(tmp_path / "first", change) as shown,
        running_application(tmp_path / "second", change) as second,
        ExitStack() as stack,
    ):
        stand_still(second, shown.given)
        services, now = second.application.services, datetime.now(UTC)
        services.access.authenticator.cache._clock = lambda: now
        services.access.links.cache._monotonic = lambda: 0.0
        yield Pair(shown, second, stack)


def becomes(client: httpx2.Client, target: str, statuses: tuple[int, ...]) -> bool:
    """Ask until it is refused; what is told takes a moment between two machines."""
    stop = time.monotonic() + LIMIT_S
    while time.monotonic() < stop:
        status = client.get(target).status_code
        if status != 200:
            return status in statuses
    return False


def test_a_revoked_key_is_refused_by_the_other_machine(pair: Pair):
    shown = pair.shown
    made = shown.viewer.post("/api/keys", json={"name": "more"}).json()
    client = pair.there({"Authorization": f"Bearer {made['key']}"})
    shown.allow(client)
    assert client.get("/api/me").status_code == 200
    assert shown.viewer.delete(f"/api/keys/{made['id']}").status_code == 204
    assert becomes(client, "/api/me", (401,))
    assert client.get(shown.target).status_code == 401


def test_a_revoked_link_is_refused_by_the_other_machine(pair: Pair):
    shown, client = pair.shown, pair.there()
    target = shown.link()
    shown.allow(client, target)
    assert shown.owner.delete("/api/links").status_code == 200
    assert becomes(client, target, (403, 410))


def test_an_ended_session_is_refused_by_the_other_machine(pair: Pair):
    shown = pair.shown
    key = shown.viewer.post("/api/keys", json={"name": "more"}).json()["key"]
    browser = shown.browser(key)
    client = pair.there({"Cookie": f"cimaise_session={browser.cookies['cimaise_session']}"})
    shown.allow(client)
    browser.post("/api/logout", headers={"Origin": shown.server.url})
    assert becomes(client, shown.target, (401,))


def test_a_membership_that_ends_is_heard_of_by_the_other_machine(pair: Pair):
    shown = pair.shown
    client = pair.there({"Authorization": shown.viewer.headers["authorization"]})
    shown.allow(client)
    assert shown.owner.delete("/api/collections/own/members/viewer").status_code == 204
    assert becomes(client, shown.target, (403,))


def test_a_deleted_picture_is_gone_on_the_other_machine(pair: Pair):
    shown = pair.shown
    client = pair.there({"Authorization": shown.viewer.headers["authorization"]})
    shown.allow(client)
    assert shown.owner.delete(f"/api/files/{shown.id}").status_code == 204
    assert becomes(client, shown.target, (404,))


def test_a_disabled_account_is_refused_by_the_other_machine(pair: Pair):
    shown = pair.shown
    client = pair.there({"Authorization": shown.viewer.headers["authorization"]})
    shown.allow(client)
    shown.admin.patch("/api/admin/accounts/viewer", json={"disabled": True})
    assert becomes(client, shown.target, (401,))
