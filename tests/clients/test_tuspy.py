"""tuspy, the Python client of the tus project, unmodified."""

import importlib
import io
from typing import Any

import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.sending import make_collection
from tests.kit.uploading import MB, zipped

tus_client: Any = importlib.import_module("tusclient.client")  # it has no types
ZIP = zipped(3 * MB)


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
