"""Albums of collections whose bytes lie on disk and in S3: the same answers, and every URL works."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cimaise.settings import Settings, StorageSettings
from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.pictures import quadrants
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.sending import make_collection, publish_file


def _on_disk(settings: Settings) -> Settings:
    return settings


@pytest.fixture(params=["disk", *further("s3")])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningApplication]:
    change: Callable[[Settings], Settings] = _on_disk
    if request.param == "s3":
        swift: S3Server = request.getfixturevalue("swift")
        storage = StorageSettings(
            url=swift.url(make_bucket(swift, f"albums-{abs(hash(tmp_path))}")),
            access_key_id=swift.access_key,
            secret_access_key=swift.secret_key,
        )

        def change(settings: Settings) -> Settings:
            return replace(settings, storage=storage)

    with running_application(tmp_path, change) as running:
        yield running


@pytest.mark.slow
def test_an_album_of_a_collection(server: RunningApplication) -> None:
    ann = server.person("ann")
    bodies = [quadrants(700 + n, 400).jpegsave_buffer() for n in range(3)]
    with server.client(ann) as client, server.client() as guest:
        name = make_collection(server, client, visibility="public")
        for number, body in enumerate(bodies):
            publish_file(client, name, f"photo {number}.jpg", body)
        (listed,) = guest.get("/api/albums").json()["albums"]
        assert (listed["name"], listed["count"], listed["source"]) == (name, 3, "collection")
        answer = guest.get(f"/api/albums/{name}?sort=name").json()
        assert [one["bigWidth"] for one in answer["images"]] == [700, 701, 702]
        for image, body in zip(answer["images"], bodies, strict=True):
            assert guest.get(image["src"]).content == body
            thumb = guest.get(image["thumb"])
            assert (thumb.status_code, thumb.headers["content-type"]) == (200, "image/webp")
            assert guest.get(image["srcset"].split(" ")[0]).status_code == 200
        assert guest.get(listed["cover"]).status_code == 200
