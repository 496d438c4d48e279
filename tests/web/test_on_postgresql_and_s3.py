"""The whole way on the other pair of backends: PostgreSQL and a real S3 server."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cimaise.settings import Settings, StorageSettings
from tests.kit.application import RunningApplication, running_application
from tests.kit.pictures import quadrants
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.sending import make_collection, publish_file, send_part
from tests.kit.uploading import MB, zipped


@pytest.fixture
def far(
    tmp_path: Path, new_database: Callable[[str], str], swift: S3Server
) -> Iterator[RunningApplication]:
    """A server whose facts are in PostgreSQL and whose bytes are in S3."""
    storage = StorageSettings(
        url=swift.url(make_bucket(swift, f"far-{abs(hash(tmp_path))}")),
        access_key_id=swift.access_key,
        secret_access_key=swift.secret_key,
    )
    url = new_database("postgresql")

    def change(settings: Settings) -> Settings:
        return replace(settings, storage=storage, database=replace(settings.database, url=url))

    with running_application(tmp_path, change) as running:
        yield running


def test_from_upload_to_delivery_and_back_to_nothing(far: RunningApplication, swift: S3Server):
    ann = far.person("ann")
    body = quadrants(1200, 800).jpegsave_buffer()
    with far.client(ann) as client, far.client() as guest:
        collection = make_collection(far, client, visibility="public")
        file = publish_file(client, collection, "photo.jpg", body)
        assert (file["width"], file["height"]) == (1200, 800)
        original = guest.get(file["original_url"])
        assert original.content == body
        part = guest.get(file["original_url"], headers={"Range": "bytes=-100"})
        assert (part.status_code, part.content) == (206, body[-100:])
        variant = guest.get(f"/images/{file['id']}", params={"width": "300"})
        assert variant.headers["content-type"] == "image/webp"
        (picture,) = guest.get(f"/api/albums/{collection}").json()["images"]
        assert (picture["bigWidth"], picture["thumbWidth"]) == (1200, 500)
        direct = client.post(f"/api/files/{file['id']}/links", json={"direct": True}).json()
        assert direct["url"].startswith(swift.endpoint)
        assert httpx2.get(direct["url"]).content == body
        assert client.delete(f"/api/files/{file['id']}").status_code == 204
        assert guest.get(file["original_url"]).status_code == 404


def test_parts_go_straight_to_s3_and_are_verified(far: RunningApplication, swift: S3Server):
    ann = far.person("ann")
    body = zipped(11 * MB)
    with far.client(ann) as client:
        collection = make_collection(far, client)
        upload = client.post(
            "/api/uploads",
            json={
                "collection": collection,
                "filename": "a.zip",
                "size": len(body),
                "strategy": "multipart",
                "part_size": 5 * MB,
            },
        ).json()
        assert upload["parts"][0]["url"].startswith(swift.endpoint)
        etags = [
            {"part_number": part["part_number"], "etag": send_part(part, upload, body)}
            for part in reversed(upload["parts"])
        ]
        complete = f"/api/uploads/{upload['id']}/complete"
        assert client.post(complete).json()["code"] == "parts_required"
        done = client.post(complete, json={"parts": etags}).json()
        assert (done["size"], done["content_type"]) == (len(body), "application/zip")
        assert client.get("/readyz").json()["checks"]["storage"] == "ok"


def test_a_form_streams_to_s3_in_parts(far: RunningApplication):
    ann = far.person("ann")
    body = zipped(23 * MB)
    with far.client(ann) as client:
        collection = make_collection(far, client)
        files = {"file": ("big.zip", body, "application/zip")}
        answer = client.post("/upload", params={"collection": collection}, files=files)
        assert answer.status_code == 201, answer.text
        (file,) = answer.json()["files"]
        assert client.get(file["original_url"]).content == body
