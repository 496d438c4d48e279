"""Two servers, one installation: PostgreSQL, Redis and a real S3 server between them.

Each server is a process with a data folder of its own, as on a machine of its own.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kit.pictures import quadrants
from tests.kit.redis_server import RedisServer
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.sending import send_part
from tests.kit.server_process import ServerProcess, prepare_data, server_process
from tests.kit.uploading import MB, zipped

pytestmark = pytest.mark.slow
LIMIT_S = 40
COLLECTION = "shared"


class Installation:
    """What both servers share, and how to start one of them."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder = folder
        self._environment = {
            "CIMAISE_SERVER_SECRET": "the-same-secret-on-every-machine-of-it",
            "CIMAISE_LOG_FORMAT": "json",
            **environment,
        }
        self.key = prepare_data(self._data_dir("one"), self._environment, COLLECTION)

    def _data_dir(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder

    @contextmanager
    def server(self, name: str) -> Iterator["Member"]:
        """Start the server of machine ``name``."""
        with server_process(self._data_dir(name), self._environment) as process:
            with httpx2.Client(
                base_url=process.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30
            ) as client:
                yield Member(process, client)


class Member:
    """A running server and a client of it that is signed in."""

    def __init__(self, process: ServerProcess, client: httpx2.Client) -> None:
        self.process = process
        self.client = client

    def checks(self) -> dict[str, str]:
        """What ``/readyz`` says of each store."""
        return self.client.get("/readyz").json()["checks"]

    def wait_for_state(self) -> None:
        """Ask until the shared state is reached again."""
        started = time.monotonic()
        while self.checks()["state"] != "ok":
            assert time.monotonic() - started < LIMIT_S


@pytest.fixture
def backends(
    new_database: Callable[[str], str], redis: RedisServer, swift: S3Server, tmp_path: Path
) -> dict[str, str]:
    return {
        "CIMAISE_DATABASE_URL": new_database("postgresql"),
        "CIMAISE_STATE_URL": redis.url,
        "CIMAISE_STORAGE_URL": swift.url(make_bucket(swift, f"two-{abs(hash(tmp_path))}")),
        "CIMAISE_STORAGE_ACCESS_KEY_ID": swift.access_key,
        "CIMAISE_STORAGE_SECRET_ACCESS_KEY": swift.secret_key,
    }


def begin(client: httpx2.Client, size: int, **more: Any) -> dict[str, Any]:
    body = {"collection": COLLECTION, "filename": "a.zip", "size": size, **more}
    return client.post("/api/uploads", json=body).raise_for_status().json()


def test_a_story_that_alternates_between_them_survives_the_death_of_one(
    tmp_path: Path, backends: dict[str, str]
):
    installation = Installation(tmp_path, **backends)
    body = zipped(11 * MB)
    with installation.server("one") as one, installation.server("two") as two:
        upload = begin(one.client, len(body), strategy="multipart", part_size=5 * MB)
        etags = [
            {"part_number": part["part_number"], "etag": send_part(part, upload, body)}
            for part in upload["parts"][:2]
        ]
        one.process.kill()
        seen = two.client.get(f"/api/uploads/{upload['id']}").json()
        assert [part["part_number"] for part in seen["uploaded_parts"]] == [1, 2]
        [last] = two.client.post(
            f"/api/uploads/{upload['id']}/parts", json={"part_numbers": [3]}
        ).json()["parts"]
        etags.append({"part_number": 3, "etag": send_part(last, upload, body)})
        with installation.server("one") as again:
            complete = f"/api/uploads/{upload['id']}/complete"
            done = again.client.post(complete, json={"parts": etags}).raise_for_status().json()
            assert done["state"] == "uploaded"
            assert two.client.post(complete, json={"parts": etags}).json()["key"] == done["key"]
            file = (
                two.client.post(
                    f"/api/collections/{COLLECTION}/files", json={"upload": upload["id"]}
                )
                .raise_for_status()
                .json()
            )
            assert again.client.get(f"/files/{file['id']}").content == body
            assert two.client.get(f"/files/{file['id']}").content == body
            assert again.client.get("/api/me").json()["quota"]["total_used"] == len(body)


def test_what_one_takes_back_the_other_does_not_give(tmp_path: Path, backends: dict[str, str]):
    installation = Installation(tmp_path, **backends)
    picture = quadrants(800, 600).jpegsave_buffer()
    with installation.server("one") as one, installation.server("two") as two:
        path = f"/api/collections/{COLLECTION}/files/photo.jpg"
        file = one.client.put(path, content=picture).raise_for_status().json()
        for server in (one, two):
            variant = server.client.get(f"/images/{file['id']}?width=200")
            assert variant.headers["content-type"] == "image/webp"
        link = one.client.post(f"/api/files/{file['id']}/links", json={}).json()
        elsewhere = httpx2.URL(link["url"]).raw_path.decode()
        with httpx2.Client(base_url=two.process.url) as guest:
            assert guest.get(elsewhere).content == picture
            assert one.client.delete(f"/api/links/{link['id']}").status_code == 204
            assert guest.get(elsewhere).status_code in (403, 410)
        assert one.client.delete(f"/api/files/{file['id']}").status_code == 204
        for address in (f"/files/{file['id']}", f"/images/{file['id']}?width=200"):
            assert two.client.get(address).status_code == 404


def test_a_rate_counts_over_both(tmp_path: Path, backends: dict[str, str]):
    limits = {
        "CIMAISE_LIMITS_EXEMPT": "192.0.2.0/24",
        "CIMAISE_LIMITS_ACCOUNT_READS": "6/h",
    }
    installation = Installation(tmp_path, **backends, **limits)
    with installation.server("one") as one, installation.server("two") as two:
        codes = [member.client.get("/api/me").status_code for member in (one, two) * 4]
        assert codes == [200] * 6 + [429] * 2


def test_while_redis_is_away_everything_is_served_and_it_is_found_again(
    tmp_path: Path, backends: dict[str, str], redis: RedisServer
):
    installation = Installation(tmp_path, **backends)
    with installation.server("one") as one, installation.server("two") as two:
        redis.stop()
        for number, member in enumerate((one, two)):
            path = f"/api/collections/{COLLECTION}/files/{number}.txt"
            file = member.client.put(path, content=b"kept all the same").raise_for_status().json()
            assert member.client.get(f"/files/{file['id']}").content == b"kept all the same"
            assert member.checks()["state"] == "unavailable"
            assert member.client.get("/readyz").status_code == 503
        redis.start()
        for member in (one, two):
            member.wait_for_state()
        files = two.client.get(f"/api/collections/{COLLECTION}/files").json()["files"]
        assert len(files) == 2
