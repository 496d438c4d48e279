"""Two processes on one data folder: what is deleted or hidden in one is gone in the other."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.pictures import quadrants


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RunningApplication]]:
    data_dir = tmp_path_factory.mktemp("data")
    with running_application(data_dir) as one, running_application(data_dir) as two:
        yield [one, two]


@pytest.fixture(scope="module")
def ann(pair: list[RunningApplication]) -> Person:
    return pair[0].person("ann")


def upload(pair: list[RunningApplication], ann: Person, collection: str = "inbox") -> str:
    with pair[0].client(ann) as client:
        body = bytes(quadrants(300, 200).write_to_buffer(".png"))
        made = client.put(f"/api/collections/{collection}/files/a.png", content=body)
        made.raise_for_status()
        return str(made.json()["id"])


def prepared(server: RunningApplication, path: str) -> bool:
    async def look() -> bool:
        return server.application.services.images.answers.get(path.encode()) is not None

    return server.run(look())


def until(condition) -> None:  # a signal between processes has no acknowledgement
    limit_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit_s, "it did not happen"


def cached_files(server: RunningApplication) -> list[Path]:
    folder = server.application.settings.data.dir / "cache" / "images"
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_answer_for_everybody_is_prepared_with_its_final_headers(pair, ann):
    path = f"/images/{upload(pair, ann)}?width=100"
    first = httpx2.get(pair[1].url + path)
    assert prepared(pair[1], path)

    async def look():
        return pair[1].application.services.images.answers.get(path.encode())

    answer = pair[1].run(look())
    sent = {name.decode(): text.decode() for name, text in answer.headers}
    shown = dict(first.headers)
    for own in ("date", "x-request-id", "server"):
        shown.pop(own, None)
    assert sent == shown
    assert answer.body == first.content


def test_a_deleted_picture_is_gone_in_every_process(pair, ann):
    file_id = upload(pair, ann)
    path = f"/images/{file_id}?width=101"
    for server in pair:
        assert httpx2.get(server.url + path).status_code == 200
        assert prepared(server, path)
    before = len(cached_files(pair[0]))
    with pair[0].client(ann) as client:
        assert client.delete(f"/api/files/{file_id}").status_code == 204
    for server in pair:
        assert httpx2.get(server.url + path).status_code == 404
        until(lambda server=server: not prepared(server, path))
    assert len(cached_files(pair[0])) < before


def test_a_picture_made_private_is_prepared_for_nobody(pair, ann):
    file_id = upload(pair, ann)
    path = f"/images/{file_id}/thumb"
    assert httpx2.get(pair[1].url + path).status_code == 200
    assert prepared(pair[1], path)
    with pair[0].client(ann) as client:
        client.patch(f"/api/files/{file_id}", json={"visibility": "private"})
    until(lambda: not prepared(pair[1], path))
    assert httpx2.get(pair[1].url + path).status_code == 401
    with pair[1].client(ann) as client:
        assert client.get(path).status_code == 200
    assert not prepared(pair[1], path)


def test_a_collection_made_private_hides_all_its_pictures(pair, ann):
    with pair[0].client(ann) as client:
        client.post("/api/collections", json={"name": "shown", "visibility": "public"})
    path = f"/images/{upload(pair, ann, 'shown')}?width=102"
    assert httpx2.get(pair[1].url + path).status_code == 200
    with pair[0].client(ann) as client:
        client.patch("/api/collections/shown", json={"visibility": "private"})
    until(lambda: not prepared(pair[1], path))
    assert httpx2.get(pair[1].url + path).status_code == 401


@pytest.mark.parametrize("query", ["?format=auto", "?width=103&format=auto"])
def test_what_depends_on_the_client_is_not_prepared(pair, ann, query):
    path = f"/images/{upload(pair, ann)}{query}"
    answer = httpx2.get(pair[0].url + path)
    assert answer.headers["vary"] == "Accept"
    assert not prepared(pair[0], path)
