"""The application on disk and on a real S3 server, and a page of Ann's."""

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest

from cimaise.settings import Settings, StorageSettings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.companion import ORIGIN, Companion
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.sending import make_collection


def with_origin(settings: Settings) -> Settings:
    return replace(settings, server=replace(settings.server, allowed_origins=(ORIGIN,)))


@pytest.fixture(scope="module", params=["file", *further("s3")])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApplication]:
    folder = tmp_path_factory.mktemp("companion")
    if request.param == "file":
        with running_application(folder, with_origin) as running:
            yield running
        return
    swift: S3Server = request.getfixturevalue("swift")
    bucket = StorageSettings(
        url=swift.url(make_bucket(swift, folder.name)),
        access_key_id=swift.access_key,
        secret_access_key=swift.secret_key,
    )
    with running_application(
        folder, lambda settings: replace(with_origin(settings), storage=bucket)
    ) as running:
        yield running


@pytest.fixture
def ann_client(server: RunningApplication, ann: Person) -> Iterator[httpx2.Client]:
    with server.client(ann) as client:
        yield client


@pytest.fixture
def uppy(server: RunningApplication, ann_client: httpx2.Client) -> Companion:
    """Ann's page, into a new public collection."""
    name = make_collection(server, ann_client, visibility="public")
    return Companion(ann_client, "/companion", collection=name)
