"""What was removed for legal reasons comes in by no door, to no storage, however large it is."""

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest

from cimaise.access.policy import Role
from cimaise.settings import Settings
from tests.kit.application import running_application
from tests.kit.doors import DOORS, Door, Sent
from tests.kit.sending import send_file
from tests.kit.served_storage import ServedStorage, bucket_of
from tests.kit.uploading import zipped
from tests.uploads.matrix.conftest import FAR, House

SIZES = {door.name: 20_000 + number for number, door in enumerate(DOORS)}


@pytest.fixture(scope="module", params=["disk", *FAR])
def unhashed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A server that reads no file for its SHA-256 without a reason."""
    storage = ServedStorage("disk")
    if request.param != "disk":
        server = request.getfixturevalue(request.param)
        storage = bucket_of(server, request.param, "taken-down")

    def change(settings: Settings) -> Settings:
        uploads = replace(settings.uploads, hash_max_bytes=1)
        return storage.adapt(replace(settings, uploads=uploads))

    with running_application(tmp_path_factory.mktemp("taken-down"), change) as running:
        yield House(running, storage)


@pytest.fixture(scope="module")
def admin(unhashed: House) -> Iterator[httpx2.Client]:
    """Who takes down."""
    with unhashed.client(unhashed.running.person("root-of-all", Role.ADMIN)) as client:
        yield client


def take_down(admin: httpx2.Client, file_id: str) -> None:
    body = {"reason": "a notice", "file_id": file_id}
    admin.post("/api/admin/takedowns", json=body).raise_for_status()


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_content_is_refused_and_leaves_nothing(
    unhashed: House, admin: httpx2.Client, door: Door
):
    house, owner, body = unhashed, unhashed.person(), zipped(SIZES[door.name])
    collection = house.collection(owner, {})
    with house.client(owner) as client:
        assert door.send(client, Sent(collection, body)).status == 200
        (file,) = client.get(f"/api/collections/{collection}/files").json()["files"]
        take_down(admin, file["id"])
        before = house.storage.listing(house.running), house.counted(owner), house.living(owner)
        verdict = door.send(client, Sent(collection, body))
    assert (verdict.status, verdict.code) == (451, "taken_down"), verdict.answer
    after = house.storage.listing(house.running), house.counted(owner), house.living(owner)
    assert after == before


def test_an_upload_that_waits_for_its_publication_is_not_published_afterwards(
    unhashed: House, admin: httpx2.Client
):
    owner, body = unhashed.person(), zipped(30_000)
    collection = unhashed.collection(owner, {})
    with unhashed.client(owner) as client:
        assert DOORS[0].send(client, Sent(collection, body)).status == 200
        (file,) = client.get(f"/api/collections/{collection}/files").json()["files"]
        waiting = send_file(client, collection, "again.zip", body)
        take_down(admin, file["id"])
        where = f"/api/collections/{collection}/files"
        answer = client.post(where, json={"upload": waiting["id"]})
    assert (answer.status_code, answer.json()["code"]) == (451, "taken_down")
