"""Connections that close, break and stall, and servers that die, in the middle of a file.

Clients give up sooner than the server gives up a stalled connection: what they are told here, they
are told without anybody's time limit. How quick that is, the benchmark says.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import httpx2
import pytest

from cimaise.settings import Settings, StorageSettings
from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.raw_http import LIMIT_S, RawClient
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.sending import make_collection
from tests.kit.server_process import prepare_data, server_process
from tests.kit.tus import metadata
from tests.kit.uploading import MB, zipped

ZIP = zipped(20 * MB)
SENT = 10 * MB + 12_345
VERSION = {"Tus-Resumable": "1.0.0"}
STORAGES = ["file", *further("s3")]


def bucket(swift: S3Server, folder: Path) -> StorageSettings:
    return StorageSettings(
        url=swift.url(make_bucket(swift, f"tus-{abs(hash(folder))}")),
        access_key_id=swift.access_key,
        secret_access_key=swift.secret_key,
    )


def wait_until_kept(data_dir: Path, *, is_local: bool) -> None:
    """The server has brought what was sent to its storage: all of it, or one whole part."""
    wanted, kept = (SENT, written) if is_local else (8 * MB, recorded)
    stop = time.monotonic() + LIMIT_S
    while kept(data_dir) < wanted:
        assert time.monotonic() < stop


def recorded(data_dir: Path) -> int:
    """Bytes of the only upload that the database knows to be kept."""
    connection = sqlite3.connect(data_dir / "cimaise.db")
    try:
        (kept,) = connection.execute("select max(kept_bytes) from tus_uploads").fetchone()
    finally:
        connection.close()
    return int(kept or 0)


def written(data_dir: Path) -> int:
    """Bytes of the only upload that lie on this disk."""
    return sum(file.stat().st_size for file in data_dir.glob("**/multipart/*/data"))


class Sending:
    """An upload of Ann's, and what happens to it."""

    def __init__(
        self, url: str, key: str, collection: str, server: RunningApplication | None = None
    ) -> None:
        self.url = url
        self.server = server
        self.client = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=LIMIT_S
        )
        self.collection = collection
        told = metadata(collection=collection, filename="tool.zip")
        made = self.client.post(
            "/tus/", headers=VERSION | {"Upload-Length": str(len(ZIP)), "Upload-Metadata": told}
        )
        assert made.status_code == 201, made.text
        self.path = "/tus/" + made.headers["location"].rpartition("/")[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def move(self, url: str) -> None:
        """The server listens elsewhere now."""
        self.url = url
        self.client.base_url = url

    def begin(self, offset: int = 0, sent: int = SENT) -> RawClient:
        """A request that says it will send all, and sends up to ``sent``."""
        raw = RawClient(self.url)
        raw.send_head(
            "PATCH", self.path, "Tus-Resumable: 1.0.0", f"Upload-Offset: {offset}",
            "Content-Type: application/offset+octet-stream",
            f"Content-Length: {len(ZIP) - offset}",
        )  # fmt: skip
        raw.send(ZIP[offset : offset + 1])
        self._wait_until_at_it()
        raw.send(ZIP[offset + 1 : sent])
        return raw

    def begin_and_stall(self) -> RawClient:
        """The same, and the server has taken what was sent."""
        assert self.server is not None
        raw = self.begin()
        raw.wait_until_read()
        application = self.server.application
        is_local = application.services.storage.is_local
        wait_until_kept(application.settings.data.dir, is_local=is_local)
        return raw

    def _wait_until_at_it(self) -> None:
        """The request is the one that is at the upload: no later one overtakes its head."""
        if self.server is not None:
            transfers = self.server.application.services.uploads.tus._transfers
            stop = time.monotonic() + LIMIT_S
            while not transfers.is_taken(self.path.removeprefix("/tus/")):
                assert time.monotonic() < stop

    def offset(self) -> int:
        told = self.client.head(self.path, headers=VERSION)
        assert told.status_code == 200
        return int(told.headers["upload-offset"])

    def send_rest(self, offset: int) -> None:
        """The rest arrives, and the file is what was sent."""
        sent = VERSION | {
            "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream",
        }  # fmt: skip
        answer = self.client.patch(self.path, headers=sent, content=ZIP[offset:])
        assert answer.status_code == 204, answer.text
        (file,) = self.client.get(f"/api/collections/{self.collection}/files").json()["files"]
        assert self.client.get(f"/files/{file['id']}").content == ZIP


@pytest.fixture(params=STORAGES)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningApplication]:
    def change(settings: Settings) -> Settings:
        if request.param == "file":
            return settings
        swift: S3Server = request.getfixturevalue("swift")
        return replace(settings, storage=bucket(swift, tmp_path))

    with running_application(tmp_path / "data", change) as server:
        yield server


@pytest.fixture
def sending(running: RunningApplication) -> Iterator[Sending]:
    ann = running.person("ann")
    with running.client(ann) as client:
        collection = make_collection(running, client)
    with Sending(running.url, ann.key, collection, running) as made:
        yield made


def test_after_a_close_every_byte_is_told_at_once(sending: Sending):
    with sending.begin_and_stall():
        pass
    assert sending.offset() == SENT
    sending.send_rest(SENT)


def test_after_a_reset_every_byte_that_arrived_is_told(sending: Sending):
    raw = sending.begin()
    raw.wait_until_read()
    raw.reset()
    offset = sending.offset()
    assert offset == SENT
    sending.send_rest(offset)


def test_a_stalled_connection_is_taken_over_at_once(sending: Sending):
    with sending.begin_and_stall() as stalled:
        assert sending.offset() == SENT
        answer = stalled.read_to_end().decode()
        assert answer.startswith("HTTP/1.1 409")
        assert '"taken_over"' in answer
    sending.send_rest(SENT)


def test_sending_on_takes_a_stalled_connection_over_at_once(sending: Sending):
    with sending.begin(sent=1000) as stalled:
        sending.send_rest(1000)
        assert stalled.read_to_end().startswith(b"HTTP/1.1 409")


def test_deleting_takes_a_stalled_connection_over(sending: Sending):
    with sending.begin_and_stall() as stalled:
        assert sending.client.delete(sending.path, headers=VERSION).status_code == 204
        assert stalled.read_to_end().startswith(b"HTTP/1.1 409")
    assert sending.client.head(sending.path, headers=VERSION).status_code == 410
    assert sending.client.get("/api/me").json()["quota"]["total_used"] == 0


def test_many_breaks_in_a_row_lose_nothing(sending: Sending):
    offset = 0
    for sent in (1, 70_000, 70_001, 3 * MB, 11 * MB):
        with sending.begin(offset, sent):
            pass
        offset = sending.offset()
        assert offset == sent
    sending.send_rest(offset)


class Installation:
    """Data that servers come and go on."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        self.data_dir = data_dir
        self.environment = environment
        self.key = prepare_data(data_dir, environment, "tools")

    @property
    def is_local(self) -> bool:
        """Bytes are kept on this disk."""
        return "CIMAISE_STORAGE_URL" not in self.environment


@pytest.fixture(params=STORAGES)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    environment = {"CIMAISE_SERVER_GRACE": "0"}
    if request.param == "s3":
        storage = bucket(request.getfixturevalue("swift"), tmp_path)
        environment |= {
            "CIMAISE_STORAGE_URL": storage.url,
            "CIMAISE_STORAGE_ACCESS_KEY_ID": storage.access_key_id,
            "CIMAISE_STORAGE_SECRET_ACCESS_KEY": storage.secret_access_key,
        }
    return Installation(tmp_path / "data", environment)


@pytest.mark.slow
def test_a_killed_server_loses_no_byte_that_it_has_written(installation: Installation):
    wanted = SENT if installation.is_local else 8 * MB
    with server_process(installation.data_dir, installation.environment) as server:
        sending = Sending(server.url, installation.key, "tools")
        with sending.begin():
            wait_until_kept(installation.data_dir, is_local=installation.is_local)
            server.kill()
    with sending, server_process(installation.data_dir, installation.environment) as server:
        sending.move(server.url)
        offset = sending.offset()
        assert wanted <= offset <= SENT
        sending.send_rest(offset)


@pytest.mark.slow
def test_a_server_that_is_stopped_keeps_every_byte(installation: Installation):
    with server_process(installation.data_dir, installation.environment) as server:
        sending = Sending(server.url, installation.key, "tools")
        with sending.begin() as raw:
            raw.wait_until_read()
            wait_until_kept(installation.data_dir, is_local=installation.is_local)
            server.terminate()
    with sending, server_process(installation.data_dir, installation.environment) as server:
        sending.move(server.url)
        assert sending.offset() == SENT
        sending.send_rest(SENT)
