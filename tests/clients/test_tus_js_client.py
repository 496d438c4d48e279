"""tus-js-client, unmodified: the client inside Uppy and many others."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.backends import left_out
from tests.kit.bad_network import BadNetwork
from tests.kit.sending import make_collection
from tests.kit.uploading import MB, zipped

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ZIP = zipped(3 * MB)


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """The client, installed from its lock file."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        left_out("node and npm, for tus-js-client")
    if not (HERE / "node_modules" / "tus-js-client").is_dir():
        ran = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True, check=False
        )
        if ran.returncode:
            left_out("tus-js-client, which npm could not install")


class Driver:
    """Runs one task in node and looks at what came of it."""

    def __init__(self, server: RunningApplication, ann: Person, folder: Path) -> None:
        self.server = server
        self.key = ann.key
        self.client = server.client(ann)
        self.collection = make_collection(server, self.client)
        self.endpoint = f"{server.url}/tus/"
        self.file = folder / "tool.zip"
        self.file.write_bytes(ZIP)

    def run(self, what: str, *, as_stream: bool = False, **options: Any) -> dict[str, Any]:
        """Do it; fails where the client reports an error."""
        task = {
            "what": what, "endpoint": self.endpoint, "key": self.key, "file": str(self.file),
            "asStream": as_stream, "options": options,
            "metadata": {"collection": self.collection, "filename": "Werkzeug ä.zip"},
        }  # fmt: skip
        ran = subprocess.run(
            ["node", str(HERE / "tus_js.mjs"), json.dumps(task)],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        done: dict[str, Any] = json.loads(ran.stdout)
        assert "error" not in done, done
        return done

    def require_file(self) -> None:
        """The one file of the collection is what was sent."""
        (file,) = self.client.get(f"/api/collections/{self.collection}/files").json()["files"]
        assert file["filename"] == "Werkzeug ä.zip"
        assert self.client.get(file["original_url"]).content == ZIP

    def methods(self, done: dict[str, Any]) -> list[str]:
        """Of its requests."""
        return [line.partition(" ")[0] for line in done["requests"]]


@pytest.fixture
def driver(server: RunningApplication, ann: Person, tmp_path: Path):
    made = Driver(server, ann, tmp_path)
    yield made
    made.client.close()


@pytest.mark.parametrize(
    ("options", "methods"),
    [
        ({}, ["POST", "PATCH"]),
        ({"chunkSize": 1 * MB}, ["POST", "PATCH", "PATCH", "PATCH", "PATCH"]),
        ({"uploadDataDuringCreation": True}, ["POST"]),
        ({"overridePatchMethod": True}, ["POST", "POST"]),
        ({"protocol": "tus-v1", "addRequestId": True}, ["POST", "PATCH"]),
    ],
)
def test_a_file_arrives_however_it_is_cut(driver: Driver, options: dict[str, Any], methods):
    assert driver.methods(driver.run("whole", **options)) == methods
    driver.require_file()


def test_a_file_arrives_by_four_connections_at_once(driver: Driver):
    done = driver.run("whole", parallelUploads=4)
    assert sorted(driver.methods(done)) == ["PATCH"] * 4 + ["POST"] * 5
    driver.require_file()


def test_a_stream_arrives_whose_length_only_its_end_tells(driver: Driver):
    driver.run("whole", as_stream=True, uploadLengthDeferred=True, chunkSize=1 * MB)
    driver.require_file()


def test_an_upload_goes_on_from_its_address(driver: Driver):
    assert driver.methods(driver.run("resumed")) == ["HEAD", "PATCH"]
    driver.require_file()


def test_an_upload_that_was_paused_goes_on(driver: Driver):
    done = driver.run("paused")
    assert done["pauses"] == 1
    assert driver.methods(done).count("HEAD") == 1
    assert len(driver.methods(done)) <= 9
    driver.require_file()


@pytest.mark.parametrize("options", [{}, {"chunkSize": 1 * MB}, {"uploadDataDuringCreation": True}])
def test_a_connection_that_is_lost_costs_no_byte_that_had_arrived(
    driver: Driver, network: BadNetwork, options: dict[str, Any]
):
    before, cuts = network.sent_bytes, network.cuts
    network.cut_after(2 * MB)
    done = driver.run("whole", retryDelays=[0, 100, 200, 400], **options)
    assert network.cuts == cuts + 1
    driver.require_file()
    if "uploadDataDuringCreation" not in options:  # there the address was not told yet
        assert driver.methods(done).count("HEAD") == 1
        assert network.sent_bytes - before < len(ZIP) + MB


def test_four_connections_that_are_lost_at_once_go_on(driver: Driver, network: BadNetwork):
    network.cut_after(2 * MB)
    driver.run("whole", parallelUploads=4, retryDelays=[0, 100, 200, 400])
    driver.require_file()


def test_an_upload_is_ended_for_good(driver: Driver):
    done = driver.run("terminated")
    told = httpx2.head(done["url"], headers={"Tus-Resumable": "1.0.0"})
    assert told.status_code == 410


def test_an_upload_token_is_all_that_a_guest_needs(driver: Driver):
    token = driver.client.post("/api/upload-tokens", json={"collection": driver.collection})
    driver.endpoint, driver.key = token.json()["tus_url"], ""
    driver.run("whole", headers={}, metadata={"filename": "Werkzeug ä.zip"})
    driver.require_file()


def test_many_connections_by_an_upload_token(driver: Driver):
    token = driver.client.post("/api/upload-tokens", json={"collection": driver.collection})
    driver.endpoint, driver.key = token.json()["tus_url"], ""
    driver.run("whole", headers={}, parallelUploads=3)
    driver.require_file()
