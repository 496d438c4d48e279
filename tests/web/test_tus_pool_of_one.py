"""Uploads that stand still hold no connection to the database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cimaise.settings import Settings
from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.raw_http import RawClient
from tests.kit.sending import make_collection
from tests.kit.tus import metadata
from tests.kit.uploading import zipped

ZIP = zipped(50_000)
AT_ONCE = 12
VERSION = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(params=["sqlite", *further("postgresql")])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str], str]
) -> Iterator[RunningApplication]:
    """It has one connection for reading, with PostgreSQL one in all, and waits for it shortly."""
    url = new_database(request.param)

    def change(settings: Settings) -> Settings:
        return replace(settings, database=replace(settings.database, url=url, readers=1, wait=1.0))

    with running_application(tmp_path / "data", change) as running:
        yield running


def test_a_pool_of_one_serves_many_stalled_uploads_and_everybody_else(server: RunningApplication):
    with server.client(server.person("ann")) as client, ExitStack() as stack:
        collection = make_collection(server, client)
        paths = [_created(client, collection) for _ in range(AT_ONCE)]
        stalled = [stack.enter_context(_begun(server, path)) for path in paths]
        for raw in stalled:
            raw.wait_until_read()
        assert client.get("/api/me").json()["quota"]["daily_files_used"] == AT_ONCE
        where = f"/api/collections/{collection}/files/other.zip"
        assert client.put(where, content=ZIP).status_code == 201
        for raw in stalled:
            raw.send(ZIP[1000:])
        for raw in stalled:
            assert raw.read_head().startswith("HTTP/1.1 204")
        found = client.get(f"/api/collections/{collection}/files").json()["files"]
        assert len(found) == AT_ONCE + 1


def _created(client: httpx2.Client, collection: str) -> str:
    told = metadata(collection=collection, filename="tool.zip")
    headers = VERSION | {"Upload-Length": str(len(ZIP)), "Upload-Metadata": told}
    made = client.post("/tus/", headers=headers)
    assert made.status_code == 201, made.text
    return "/tus/" + made.headers["location"].rpartition("/")[2]


def _begun(server: RunningApplication, path: str) -> RawClient:
    raw = RawClient(server.url)
    raw.send_head(
        "PATCH", path, "Tus-Resumable: 1.0.0", "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream", f"Content-Length: {len(ZIP)}",
    )  # fmt: skip
    raw.send(ZIP[:1000])
    return raw
