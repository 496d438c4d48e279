"""tuspy, the Python client of the tus project, unmodified."""

import importlib
import io
from pathlib import Path
from typing import Any

import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.bad_network import BadNetwork
from tests.kit.sending import make_collection
from tests.kit.uploading import MB, zipped

tus_client: Any = importlib.import_module("tusclient.client")  # it has no types
ZIP = zipped(3 * MB)

# The client leaves its own files and connections open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("options", [{}, {"chunk_size": 1 * MB}, {"upload_checksum": True}])
def test_a_file_arrives(server: RunningApplication, ann: Person, options: dict[str, Any]):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        speaker = tus_client.TusClient(f"{server.url}/tus/", headers=ann.headers)
        told = {"collection": collection, "filename": "tool.zip"}
        uploader = speaker.uploader(file_stream=io.BytesIO(ZIP), metadata=told, **options)
        uploader.upload()
        (file,) = client.get(f"/api/collections/{collection}/files").json()["files"]
        assert client.get(file["original_url"]).content == ZIP


def test_an_upload_goes_on_from_its_address(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        speaker = tus_client.TusClient(f"{server.url}/tus/", headers=ann.headers)
        told = {"collection": collection, "filename": "tool.zip"}
        first = speaker.uploader(
            file_stream=io.BytesIO(ZIP), metadata=told, chunk_size=1 * MB, upload_checksum=True
        )
        first.upload(stop_at=1 * MB)
        assert first.offset < len(ZIP)
        again = speaker.uploader(file_stream=io.BytesIO(ZIP), url=first.url, chunk_size=2 * MB)
        assert again.offset == first.offset
        again.upload()
        (file,) = client.get(f"/api/collections/{collection}/files").json()["files"]
        assert client.get(file["original_url"]).content == ZIP


@pytest.mark.parametrize("options", [{}, {"chunk_size": 1 * MB}])
def test_a_connection_that_is_lost_costs_no_byte_that_had_arrived(
    server: RunningApplication, ann: Person, network: BadNetwork, options: dict[str, Any]
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        speaker = tus_client.TusClient(f"{server.url}/tus/", headers=ann.headers)
        told = {"collection": collection, "filename": "tool.zip"}
        uploader = speaker.uploader(
            file_stream=io.BytesIO(ZIP), metadata=told, retries=3, retry_delay=0, **options
        )
        before, cuts = network.sent_bytes, network.cuts
        network.cut_after(2 * MB)
        uploader.upload()
        assert network.cuts == cuts + 1
        assert network.sent_bytes - before < len(ZIP) + MB
        (file,) = client.get(f"/api/collections/{collection}/files").json()["files"]
        assert client.get(file["original_url"]).content == ZIP


def test_the_address_is_remembered_in_a_file_and_a_later_program_goes_on(
    server: RunningApplication, ann: Person, tmp_path: Path
):
    store = importlib.import_module("tusclient.storage.filestorage").FileStorage(
        str(tmp_path / "s")
    )
    remembers = {"store_url": True, "url_storage": store}
    file = tmp_path / "tool.zip"
    file.write_bytes(ZIP)
    with server.client(ann) as client:
        collection = make_collection(server, client)
        speaker = tus_client.TusClient(f"{server.url}/tus/", headers=ann.headers)
        told = {"collection": collection, "filename": "tool.zip"}
        first = speaker.uploader(str(file), metadata=told, chunk_size=MB, **remembers)
        first.upload(stop_at=MB)
        again = speaker.uploader(str(file), metadata=told, chunk_size=MB, **remembers)
        assert (again.url, again.offset) == (first.url, first.offset)
        again.upload()
        (made,) = client.get(f"/api/collections/{collection}/files").json()["files"]
        assert client.get(made["original_url"]).content == ZIP
