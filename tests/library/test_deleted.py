"""Deleted files come back, or go for good; on each database, with real bytes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cimaise.access.policy import Role
from cimaise.library.deleted import purge_deleted
from cimaise.library.discarded import delete_discarded
from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.pictures import quadrants

PICTURE = bytes(quadrants(60, 40).jpegsave_buffer())
DAYS = 30


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[RunningApplication]:
    def kept(settings: Settings) -> Settings:
        return replace(
            settings,
            database=replace(settings.database, url=database_url),
            library=replace(settings.library, undelete_days=DAYS),
        )

    with running_application(tmp_path / "data", kept) as one:
        yield one


class Scene:
    """ann has a public collection with a picture in it."""

    def __init__(self, running: RunningApplication) -> None:
        self.running = running
        self.ann = running.person("ann")
        self.bob = running.person("bob")
        self.boss = running.person("boss", Role.ADMIN)
        self.ask(
            self.ann, "POST", "/api/collections", json={"name": "wall", "visibility": "public"}
        )
        self.file = self.put("a.jpg")

    def ask(self, who: Person | None, method: str, path: str, **more: Any) -> Any:
        with self.running.client(who) as client:
            return client.request(method, path, **more)

    def put(self, name: str) -> str:
        sent = self.ask(self.ann, "PUT", f"/api/collections/wall/files/{name}", content=PICTURE)
        return str(sent.json()["id"])

    def delete(self) -> None:
        assert self.ask(self.ann, "DELETE", f"/api/files/{self.file}").status_code == 204

    def used(self) -> int:
        return int(self.ask(self.ann, "GET", "/api/me").json()["quota"]["total_used"])

    def purge_job(self, after: timedelta) -> int:
        services = self.running.application.services
        now = services.clock() + after
        done = self.running.run(purge_deleted(services.database, timedelta(days=DAYS), now))
        self.running.run(delete_discarded(services.database, services.storage, now=now))
        return done

    def objects(self) -> int:
        async def count() -> int:
            storage = self.running.application.services.storage
            return len([one async for one in storage.list("objects/")])

        return self.running.run(count())


@pytest.fixture
def scene(running: RunningApplication) -> Scene:
    return Scene(running)


def test_a_deleted_file_is_seen_nowhere_and_comes_back_as_it_was(scene: Scene):
    before = scene.ask(scene.ann, "GET", f"/api/files/{scene.file}").json()
    assert scene.ask(None, "GET", f"/images/{scene.file}?width=30").status_code == 200
    link = scene.ask(scene.ann, "POST", f"/api/files/{scene.file}/links", json={}).json()["url"]
    scene.delete()
    for path in (f"/files/{scene.file}", f"/images/{scene.file}?width=30", f"/images/{scene.file}/info",
                 f"/api/files/{scene.file}", f"/iiif/3/{scene.file}/info.json", link):  # fmt: skip
        assert scene.ask(None, "GET", path).status_code == 404, path
    assert scene.ask(None, "GET", "/api/albums/wall").json()["images"] == []
    assert scene.ask(scene.ann, "GET", "/api/collections/wall/files").json()["files"] == []
    assert scene.ask(scene.ann, "GET", "/api/files").json()["files"] == []
    assert scene.used() == len(PICTURE)  # it is kept, so it counts
    [listed] = scene.ask(scene.ann, "GET", "/api/deleted-files").json()["files"]
    assert (listed["id"], listed["deleted_at"] < listed["until"]) == (scene.file, True)

    back = scene.ask(scene.ann, "POST", f"/api/files/{scene.file}/restore")
    assert back.status_code == 200
    moving = {"placeholder", "download_count"}  # of jobs beside this
    same = {name: value for name, value in before.items() if name not in moving}
    assert same.items() <= back.json().items()
    assert scene.ask(None, "GET", f"/files/{scene.file}").content == PICTURE
    assert scene.ask(None, "GET", link).content == PICTURE
    assert scene.ask(None, "GET", "/api/albums").json()["albums"][0]["count"] == 1
    assert scene.ask(scene.ann, "POST", f"/api/files/{scene.file}/restore").status_code == 404
    assert scene.ask(scene.ann, "GET", "/api/deleted-files").json() == {"files": []}


def test_only_its_owner_and_administrators_bring_a_file_back(scene: Scene):
    scene.delete()
    again = f"/api/files/{scene.file}/restore"
    assert scene.ask(None, "POST", again).status_code == 401
    assert scene.ask(scene.bob, "POST", again).status_code == 403
    assert scene.ask(scene.bob, "DELETE", f"/api/deleted-files/{scene.file}").status_code == 403
    assert scene.ask(scene.bob, "GET", "/api/deleted-files?all=1").status_code == 403
    assert scene.ask(scene.bob, "GET", "/api/deleted-files").json() == {"files": []}
    [seen] = scene.ask(scene.boss, "GET", "/api/deleted-files?all=1").json()["files"]
    assert seen["id"] == scene.file
    assert scene.ask(scene.boss, "POST", again).status_code == 200


def test_what_nobody_brought_back_goes_for_good_when_its_days_are_over(scene: Scene):
    scene.delete()
    assert scene.purge_job(timedelta(days=DAYS, seconds=-5)) == 0
    assert scene.objects() == 1
    assert scene.purge_job(timedelta(days=DAYS, seconds=5)) == 1
    assert (scene.objects(), scene.used()) == (0, 0)
    assert scene.ask(scene.ann, "POST", f"/api/files/{scene.file}/restore").status_code == 404
    assert scene.purge_job(timedelta(days=DAYS, seconds=5)) == 0


def test_its_owner_gives_it_up_early_and_gets_the_quota_back(scene: Scene):
    scene.delete()
    assert scene.ask(scene.ann, "DELETE", f"/api/deleted-files/{scene.file}").status_code == 204
    assert scene.ask(scene.ann, "DELETE", f"/api/deleted-files/{scene.file}").status_code == 404
    scene.purge_job(timedelta(0))
    assert (scene.objects(), scene.used()) == (0, 0)


def test_content_that_was_taken_down_meanwhile_does_not_come_back(scene: Scene):
    other = scene.put("b.jpg")
    scene.delete()
    taken = {"file_id": other, "reason": "a notice"}
    assert scene.ask(scene.boss, "POST", "/api/admin/takedowns", json=taken).status_code == 201
    assert scene.ask(scene.ann, "POST", f"/api/files/{scene.file}/restore").status_code == 451
    assert scene.ask(None, "GET", f"/files/{scene.file}").status_code == 404


def test_a_collection_that_is_deleted_takes_what_was_deleted_in_it_along(scene: Scene):
    scene.delete()
    assert scene.ask(scene.ann, "DELETE", "/api/collections/wall").status_code == 204
    scene.purge_job(timedelta(0))
    assert (scene.objects(), scene.used()) == (0, 0)


def test_fsck_knows_of_deleted_files(scene: Scene):
    scene.delete()
    services = scene.running.application.services
    report = scene.running.run(services.uploads.fsck.run(repair=False))
    assert report.findings == []
    [key] = scene.running.run(_keys(services.storage))
    scene.running.run(services.storage.delete([key]))
    scene.running.run(services.uploads.fsck.run(repair=True))
    assert scene.used() == 0
    assert scene.ask(scene.ann, "GET", "/api/deleted-files").json() == {"files": []}


async def _keys(storage: Any) -> list[str]:
    return [one.key async for one in storage.list("objects/")]


def test_the_page_brings_back_and_gives_up(scene: Scene):
    html = {"accept": "text/html"}
    assert "/me/deleted" in scene.ask(scene.ann, "GET", "/me/files", headers=html).text
    scene.delete()
    assert "a.jpg" in scene.ask(scene.ann, "GET", "/me/deleted", headers=html).text
    where = f"/me/deleted/{scene.file}"
    sent = scene.ask(scene.ann, "POST", where, data={"action": "restore"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/me/deleted?did=restored")
    assert scene.ask(None, "GET", f"/files/{scene.file}").status_code == 200
    scene.delete()
    assert scene.ask(scene.ann, "POST", where, data={"action": "purge"}).status_code == 303
    assert "Nothing is waiting" in scene.ask(scene.ann, "GET", "/me/deleted", headers=html).text
    assert scene.ask(scene.ann, "POST", where, data={"action": "x"}).status_code == 422
