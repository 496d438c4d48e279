"""Varnish in front of a real server: what is public is kept, what is deleted is forgotten."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cimaise.delivery.purging import send_purges
from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.bodies import content
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection, publish_file
from tests.kit.varnish import running_varnish

pytestmark = pytest.mark.slow
TOKEN = "purge-me-not"
PICTURE = bytes(quadrants(60, 40).write_to_buffer(".png"))


def behind_varnish(settings: Settings) -> Settings:
    cdn = replace(settings.cdn, kind="varnish", purge_url="http://127.0.0.1:9", token=TOKEN)
    return replace(settings, cdn=cdn)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    with running_application(tmp_path_factory.mktemp("data"), behind_varnish) as running:
        yield running


@pytest.fixture(scope="module")
def front(
    server: RunningApplication, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    folder: Path = tmp_path_factory.mktemp("varnish")
    with ExitStack() as stack:
        url = stack.enter_context(running_varnish(server.url, folder, token=TOKEN))
        yield stack.enter_context(httpx2.Client(base_url=url))


@pytest.fixture(scope="module")
def ann(server: RunningApplication) -> Person:
    return server.person("ann")


def publish(server: RunningApplication, ann: Person, visibility: str, **more: object) -> dict:
    with server.client(ann) as client:
        name = make_collection(server, client, visibility=visibility)
        return {**publish_file(client, name, "p.png", PICTURE), "in": name}


def purge(server: RunningApplication, front: httpx2.Client) -> int:
    """What the job does, towards this Varnish."""
    from cimaise.delivery.purgers.table import PURGERS  # noqa: PLC0415
    from cimaise.delivery.purging import Cache  # noqa: PLC0415

    services = server.application.services
    cache = Cache(PURGERS["varnish"], str(front.base_url), TOKEN)
    from datetime import timedelta  # noqa: PLC0415

    later = services.clock() + timedelta(days=1)  # whatever the job itself has tried before
    return server.run(send_purges(services.database, cache, later))


def states(front: httpx2.Client, path: str, times: int = 3, **how: object) -> list[str]:
    return [front.get(path, **how).headers["x-cache"] for _ in range(times)]  # type: ignore[arg-type]


def test_what_is_public_is_kept_until_it_is_deleted(
    server: RunningApplication, front: httpx2.Client, ann: Person
):
    file, other = publish(server, ann, "public"), publish(server, ann, "public")
    paths = [f"/files/{file['id']}", f"/images/{file['id']}?width=30", f"/files/{other['id']}"]
    for path in paths:
        assert states(front, path) == ["miss", "hit", "hit"]
    answer = front.get(paths[0])
    assert answer.content == PICTURE
    assert "cdn-cache-control" not in answer.headers
    assert "xkey" not in answer.headers
    with server.client(ann) as client:
        assert client.delete(f"/api/files/{file['id']}").status_code == 204
    assert front.get(paths[0]).status_code == 200  # the cache does not know yet
    assert purge(server, front) >= 1
    assert [front.get(path).status_code for path in paths[:2]] == [404, 404]
    assert states(front, paths[2], 1) == ["hit"]


def test_a_collection_that_is_closed_is_forgotten_whole(
    server: RunningApplication, front: httpx2.Client, ann: Person
):
    file = publish(server, ann, "public")
    assert states(front, f"/files/{file['id']}") == ["miss", "hit", "hit"]
    with server.client(ann) as client:
        client.patch(f"/api/collections/{file['in']}", json={"visibility": "private"})
    purge(server, front)
    assert front.get(f"/files/{file['id']}").status_code == 401


def test_what_is_private_is_never_kept(
    server: RunningApplication, front: httpx2.Client, ann: Person
):
    file = publish(server, ann, "private")
    for path in (f"/files/{file['id']}", f"/images/{file['id']}?width=30"):
        assert states(front, path, headers=ann.headers) == ["miss"] * 3
        assert front.get(path).status_code == 401
    with server.client(ann) as client:
        link = client.post(f"/api/files/{file['id']}/links", json={}).json()
        path = link["url"].removeprefix(server.url)
        assert states(front, path) == ["miss"] * 3
        client.delete(f"/api/links/{link['id']}")
    assert front.get(path).status_code == 410


def test_formats_chosen_by_accept_are_kept_apart(
    server: RunningApplication, front: httpx2.Client, ann: Person
):
    file = publish(server, ann, "public")
    path = f"/images/{file['id']}?width=30&format=auto"
    for accept, kind in (("image/webp", "image/webp"), ("image/png", "image/jpeg")):
        answers = [front.get(path, headers={"Accept": accept}) for _ in range(2)]
        assert [answer.headers["x-cache"] for answer in answers] == ["miss", "hit"]
        assert answers[1].headers["content-type"] == kind
        assert "accept" in answers[1].headers["vary"].lower()


def test_ranges_and_conditions_hold_through_the_cache(
    server: RunningApplication, front: httpx2.Client, ann: Person
):
    with server.client(ann) as client:
        name = make_collection(server, client, visibility="public")
        file = publish_file(client, name, "a.bin", content(50_000))
    path = f"/files/{file['id']}"
    whole = front.get(path)
    part = front.get(path, headers={"Range": "bytes=-10", "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, content(50_000)[-10:])
    known = front.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert known.status_code == 304
    assert front.get(path, headers={"Range": "bytes=99999-"}).status_code == 416


def test_strangers_cannot_purge(front: httpx2.Client):
    for headers in ({}, {"X-Purge-Token": "guess"}):
        answer = front.request("PURGE", "/", headers={"xkey-purge": "file-x", **headers})
        assert answer.status_code == 403
