"""A public picture's variant is answered by the connection, until anything about it changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection, update

from cimaise.access.policy import Role
from cimaise.database.schema import files
from cimaise.library.tags import file_tag, note_purge
from cimaise.settings import Settings
from tests.kit.application import RunningApplication, running_application
from tests.kit.pictures import quadrants


@dataclass
class Shown:
    """A published picture, and clients of its owner and of a stranger."""

    server: RunningApplication
    owner: httpx2.Client
    stranger: httpx2.Client
    id: str

    @property
    def target(self) -> str:
        return f"/images/{self.id}?width=16&format=webp"

    def warm(self) -> httpx2.Response:
        """Ask until the answer is ready: it is prepared when the first one has left."""
        answer = self.stranger.get(self.target)
        assert answer.status_code == 200, answer.text
        while self.server.application.services.images.answers.get(self.target.encode()) is None:
            assert self.stranger.get(self.target).status_code == 200
        return answer


def publish(server: RunningApplication, owner: httpx2.Client, stranger: httpx2.Client) -> Shown:
    """A picture in a public collection."""
    made = owner.post("/api/collections", json={"name": "shown", "visibility": "public"})
    assert made.status_code == 201, made.text
    content = quadrants(64, 48).jpegsave_buffer()
    put = owner.put("/api/collections/shown/files/a.jpg", content=content)
    assert put.status_code == 201, put.text
    return Shown(server, owner, stranger, put.json()["id"])


@contextmanager
def shown_by(
    data_dir: Path, change: Callable[[Settings], Settings] = lambda settings: settings
) -> Iterator[Shown]:
    """A server that shows one."""
    with (
        running_application(data_dir, change) as server,
        server.client(server.person("ann")) as owner,
        server.client() as stranger,
    ):
        yield publish(server, owner, stranger)


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    with shown_by(tmp_path / "data") as made:
        yield made


def test_the_ready_answer_is_the_applications_own(shown: Shown):
    first = shown.warm()
    again = shown.stranger.get(shown.target)
    ours = {"date", "x-request-id"}
    assert again.content == first.content
    assert {name: text for name, text in again.headers.items() if name not in ours} == {
        name: text for name, text in first.headers.items() if name not in ours
    }
    known = shown.stranger.get(shown.target, headers={"If-None-Match": first.headers["etag"]})
    assert known.status_code == 304


@pytest.mark.parametrize("kind", ["known", "head"])
def test_whoever_needs_no_bytes_prepares_the_answer_with_all_of_them(shown: Shown, kind: str):
    answers = shown.server.application.services.images.answers
    first = shown.warm()
    prepared = answers.get(shown.target.encode())
    answers.change("")
    while (again := answers.get(shown.target.encode())) is None:
        if kind == "head":
            assert shown.stranger.head(shown.target).status_code == 200
        else:
            known = {"If-None-Match": first.headers["etag"]}
            assert shown.stranger.get(shown.target, headers=known).status_code == 304
    assert prepared is not None
    assert (again.body, again.etag, again.route) == (first.content, prepared.etag, prepared.route)
    assert sorted(again.headers) == sorted(prepared.headers)
    assert shown.stranger.get(shown.target).content == first.content


def test_who_has_a_picture_that_is_gone_is_told_so(shown: Shown):
    known = {"If-None-Match": shown.warm().headers["etag"]}
    assert shown.stranger.get(shown.target, headers=known).status_code == 304
    hidden = shown.owner.patch(f"/api/files/{shown.id}", json={"visibility": "private"})
    assert hidden.status_code == 200, hidden.text
    assert shown.stranger.get(shown.target, headers=known).status_code == 401
    assert shown.owner.delete(f"/api/files/{shown.id}").status_code == 204
    assert shown.stranger.get(shown.target, headers=known).status_code == 404


def test_a_deleted_picture_is_gone_at_once(shown: Shown):
    shown.warm()
    assert shown.owner.delete(f"/api/files/{shown.id}").status_code == 204
    assert shown.stranger.get(shown.target).status_code == 404


def test_a_picture_made_private_is_private_at_once(shown: Shown):
    shown.warm()
    changed = shown.owner.patch(f"/api/files/{shown.id}", json={"visibility": "private"})
    assert changed.status_code == 200, changed.text
    assert shown.stranger.get(shown.target).status_code == 401


def test_a_collection_made_private_takes_its_pictures_along(shown: Shown):
    shown.warm()
    changed = shown.owner.patch("/api/collections/shown", json={"visibility": "private"})
    assert changed.status_code == 200, changed.text
    assert shown.stranger.get(shown.target).status_code == 401


def test_a_change_that_comes_by_another_door_counts_at_once(shown: Shown):
    """Whoever changes it, and from where: what counts is that the transaction is committed."""
    shown.warm()
    services = shown.server.application.services

    def hide(connection: Connection) -> None:
        connection.execute(update(files).where(files.c.id == shown.id).values(visibility="private"))
        note_purge(connection, [file_tag(shown.id)], now=services.clock())

    shown.server.run(services.database.write(hide))
    assert shown.stranger.get(shown.target).status_code == 401


def test_ready_answers_are_counted_like_all_others(shown: Shown):
    shown.warm()
    before = _counted(shown)
    for _ in range(3):
        assert shown.stranger.get(shown.target).status_code == 200
    size = len(shown.stranger.get(shown.target).content)
    after = _counted(shown)
    assert after["requests_total"] - before["requests_total"] == 4
    assert after["request_seconds_count"] - before["request_seconds_count"] == 4
    assert after["sent_bytes_total"] - before["sent_bytes_total"] == 4 * size
    assert after["variants_total"] - before.get("variants_total", 0) == 4


def _counted(shown: Shown) -> dict[str, float]:
    """Of the route and of ready pictures, by metric; all labels together."""
    sums: dict[str, float] = {}
    for line in shown.stranger.get("/metrics").text.splitlines():
        if 'route="/images/{id}"' in line or 'variants_total{outcome="ready"}' in line:
            name = line.partition("{")[0].removeprefix("cimaise_")
            sums[name] = sums.get(name, 0) + float(line.rpartition(" ")[2])
    return sums


def test_nobody_hears_what_is_left_to_another(tmp_path: Path):
    def count_everybody(settings: Settings) -> Settings:
        return replace(settings, limits=replace(settings.limits, exempt=()))

    with shown_by(tmp_path / "data", count_everybody) as shown:
        first = shown.warm()
        assert "ratelimit" in first.headers
        assert "ratelimit" not in shown.stranger.get(shown.target).headers


WEBP, AVIF = "image/webp,*/*;q=0.8", "image/avif,image/webp,*/*;q=0.8"


def test_a_negotiated_picture_is_ready_for_whoever_accepts_the_same(shown: Shown):
    target = f"/images/{shown.id}?width=16&format=auto"
    answers = shown.server.application.services.images.answers
    for accept, kind in ((WEBP, "image/webp"), (AVIF, "image/avif"), ("image/jpeg", "image/jpeg")):
        headers = {"Accept": accept}
        first = shown.stranger.get(target, headers=headers)
        while answers.get(target.encode(), accept.encode()) is None:
            assert shown.stranger.get(target, headers=headers).status_code == 200
        again = shown.stranger.get(target, headers=headers)
        assert (again.headers["content-type"], again.headers["vary"]) == (kind, "Accept")
        assert again.content == first.content
    assert answers.get(target.encode()) is None
    several = httpx2.Headers([("Accept", "image/jpeg"), ("Accept", WEBP)])
    assert shown.stranger.get(target, headers=several).status_code == 200
    assert answers.get(target.encode(), None) is None
    assert shown.owner.delete(f"/api/files/{shown.id}").status_code == 204
    for accept in (WEBP, AVIF, "image/jpeg"):
        assert shown.stranger.get(target, headers={"Accept": accept}).status_code == 404


@pytest.mark.parametrize(
    ("network", "headers"),
    [("127.0.0.0/8", {}), ("203.0.113.0/24", {"X-Forwarded-For": "203.0.113.7"})],
)
def test_a_network_that_is_banned_gets_no_ready_answer_either(
    shown: Shown, network: str, headers: dict[str, str]
):
    shown.warm()
    services = shown.server.application.services
    with shown.server.client(shown.server.person("root", Role.ADMIN)) as admin:
        ban = {"network": network, "reason": "noise"}
        assert admin.post("/api/admin/bans", json=ban).status_code == 201
    shown.server.run(services.access.watch.read())
    assert services.images.answers.get(shown.target.encode()) is not None
    for _ in range(2):
        assert shown.stranger.get(shown.target, headers=headers).status_code == 403
