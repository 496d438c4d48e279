"""The same things to fetch, from a disk and from a bucket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.delivery_client import Target, look_at
from tests.kit.pictures import quadrants
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.sending import make_collection, publish_file

PICTURE = bytes(quadrants(320, 200).write_to_buffer(".png", compression=0))


@dataclass(frozen=True)
class Site:
    """A server with one of each thing."""

    server: RunningApplication
    ann: Person
    targets: dict[str, Target]


def on_s3(server: S3Server, bucket: str) -> Callable[[Settings], Settings]:
    """Settings that put the objects into a bucket."""

    def change(settings: Settings) -> Settings:
        storage = replace(
            settings.storage,
            url=server.url(bucket),
            access_key_id=server.access_key,
            secret_access_key=server.secret_key,
        )
        return replace(settings, storage=storage)

    return change


def fill(server: RunningApplication) -> Site:
    """Publish a picture; its original, a variant of it and, on a disk, a file of an album."""
    ann = server.person("ann")
    with server.client(ann) as client:
        collection = make_collection(server, client, visibility="public")
        file = publish_file(client, collection, "picture.png", PICTURE)
    paths = {"original": f"/files/{file['id']}", "variant": f"/images/{file['id']}?width=300"}
    paths["long-original"] = f"/images/{file['id']}/original"
    if server.application.services.storage.is_local:
        paths["album-file"] = "/albums/hung/picture.png"
    targets = {name: look_at(server.url, path, ann.key) for name, path in paths.items()}
    return Site(server, ann, targets)


def hang(data_dir: Path) -> None:
    """A folder album."""
    album = data_dir / "albums" / "hung"
    album.mkdir(parents=True)
    (album / "picture.png").write_bytes(PICTURE)


@pytest.fixture(scope="module")
def disk_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("disk")
    hang(data_dir)
    with running_application(data_dir) as server:
        yield fill(server)


@pytest.fixture(scope="module")
def s3_site(tmp_path_factory: pytest.TempPathFactory, swift: S3Server) -> Iterator[Site]:
    bucket = make_bucket(swift, f"delivery-{tmp_path_factory.mktemp('s3').name}".lower())
    with running_application(tmp_path_factory.mktemp("s3data"), on_s3(swift, bucket)) as server:
        yield fill(server)
