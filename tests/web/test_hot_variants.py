"""A public picture's variant is answered by the connection, until anything about it changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection, update

from cimaise.database.schema import files
from cimaise.library.tags import file_tag, note_purge
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
        while self.server.application.services.answers.get(self.target.encode()) is None:
            assert self.stranger.get(self.target).status_code == 200
        return answer


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    with (
        running_application(tmp_path / "data") as server,
        server.client(server.person("ann")) as owner,
        server.client() as stranger,
    ):
        made = owner.post("/api/collections", json={"name": "shown", "visibility": "public"})
        assert made.status_code == 201, made.text
        content = quadrants(64, 48).jpegsave_buffer()
        put = owner.put("/api/collections/shown/files/a.jpg", content=content)
        assert put.status_code == 201, put.text
        yield Shown(server, owner, stranger, put.json()["id"])


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
