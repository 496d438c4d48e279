"""From the notice to the restoration, as those concerned see it."""

from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from cimaise.database.schema import audit, discarded_objects, files, takedown_files
from cimaise.errors import Unavailable
from cimaise.library.takedowns.blocked import require_not_blocked
from cimaise.library.takedowns.held import end_held, hold_bytes, not_moved
from tests.kit.application import Person, RunningApplication
from tests.kit.companion import Companion
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection, publish_file
from tests.kit.tus import metadata

PICTURE = quadrants(640, 480).jpegsave_buffer()
DIGEST = sha256(PICTURE).hexdigest()


@pytest.fixture
def posted(server: RunningApplication, ann: Person) -> dict[str, Any]:
    with server.client(ann) as client:
        collection = make_collection(server, client, visibility="public")
        return publish_file(client, collection, "photo.jpg", PICTURE)


def take_down(server: RunningApplication, root: Person, **body: Any) -> httpx2.Response:
    with server.client(root) as client:
        return client.post("/api/admin/takedowns", json={"reason": "a notice", **body})


def addresses(file: dict[str, Any]) -> list[str]:
    return [
        f"/api/files/{file['id']}",
        f"/files/{file['id']}",
        f"/images/{file['id']}?width=100",
        f"/images/{file['id']}/thumb",
        f"/images/{file['id']}/info",
        f"/images/{file['id']}/original",
        f"/iiif/3/{file['id']}/info.json",
        f"/iiif/3/{file['id']}/full/max/0/default.jpg",
    ]


def test_every_address_answers_451_and_no_list_shows_it(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    with server.client(ann) as client, server.client() as guest:
        link = client.post(f"/api/files/{posted['id']}/links", json={}).json()["url"]
        before = [guest.get(address).status_code for address in addresses(posted)]
        assert set(before) == {200}
        made = take_down(server, root, file_id=posted["id"], reference="DMCA-7")
        assert made.status_code == 201, made.text
        receipt = made.json()
        assert receipt["state"] == "held"
        assert receipt["file_ids"] == [posted["id"]]
        assert (receipt["sha256"], receipt["size"]) == (DIGEST, len(PICTURE))
        assert (receipt["reason"], receipt["reference"]) == ("a notice", "DMCA-7")
        for address in [*addresses(posted), link]:
            for who in (guest, client):
                answer = who.get(address)
                assert answer.status_code == 451, address
                assert answer.json()["code"] == "taken_down"
                assert "max-age" not in answer.headers["cache-control"]
        collection = posted["collection"]
        assert guest.get(f"/api/collections/{collection}/files").json()["files"] == []
        assert guest.get(f"/api/albums/{collection}").json()["images"] == []


def test_every_copy_goes_whoever_published_it(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    ben = server.person("ben")
    with server.client(ben) as client:
        copy = publish_file(client, make_collection(server, client, visibility="public"), "b.jpg", PICTURE)  # fmt: skip
    assert set(take_down(server, root, file_id=posted["id"]).json()["file_ids"]) == {posted["id"], copy["id"]}  # fmt: skip
    assert httpx2.get(server.url + f"/files/{copy['id']}").status_code == 451


def used(client: httpx2.Client) -> tuple[int, int]:
    quota = client.get("/api/me").json()["quota"]
    return quota["total_used"], quota["daily_files_used"]


def test_the_same_content_is_refused_at_every_door_and_leaves_nothing(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    take_down(server, root, file_id=posted["id"])
    ben = server.person("ben")
    with server.client(ben) as client:
        name = make_collection(server, client, visibility="public")
        before = used(client)
        refused = {
            "direct": direct(client, name),
            "form": client.post(
                "/upload", data={"collection": name}, files={"file": ("a.jpg", PICTURE)}
            ),
            "raw": client.put(f"/api/collections/{name}/files/a.jpg", content=PICTURE),
            "tus": by_tus(client, name),
            "companion": by_companion(client, name),
        }
        assert {door: answer.status_code for door, answer in refused.items()} == dict.fromkeys(refused, 451)  # fmt: skip
        assert {answer.json()["code"] for answer in refused.values()} == {"taken_down"}
        assert client.get(f"/api/collections/{name}/files").json()["files"] == []
        assert used(client) == before
        server.application.services.operation.hurry("discarded-objects")
        assert client.put(f"/api/collections/{name}/files/b.jpg", content=quadrants(64, 64).jpegsave_buffer()).status_code == 201  # fmt: skip


def direct(client: httpx2.Client, name: str) -> httpx2.Response:
    body = {"collection": name, "filename": "a.jpg", "size": len(PICTURE)}
    upload = client.post("/api/uploads", json=body).json()
    httpx2.put(upload["url"], content=PICTURE, headers=upload["headers"])
    return client.post(f"/api/uploads/{upload['id']}/complete")


def by_tus(client: httpx2.Client, name: str) -> httpx2.Response:
    told = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(PICTURE))}
    told["Upload-Metadata"] = metadata(collection=name, filename="a.jpg")
    address = client.post("/tus/", headers=told).headers["location"]
    sent = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    sent["Content-Type"] = "application/offset+octet-stream"
    return client.patch(address, headers=sent, content=PICTURE)


def by_companion(client: httpx2.Client, name: str) -> httpx2.Response:
    companion = Companion(client, "/companion", collection=name)
    upload = companion.create("a.jpg", type="image/jpeg")
    return companion.complete(upload, companion.send_all(upload, PICTURE))


async def test_what_was_not_hashed_waits_where_it_may_be_what_was_taken_down_just_now(
    server: RunningApplication, root: Person
):
    take_down(server, root, sha256=DIGEST, size=len(PICTURE))
    database = server.application.services.database
    for digest, size in ((None, len(PICTURE) + 1), ("0" * 64, len(PICTURE))):
        await database.read(partial(require_not_blocked, sha256=digest, size=size))
    with pytest.raises(Unavailable) as refusal:
        await database.read(partial(require_not_blocked, sha256=None, size=len(PICTURE)))
    assert refusal.value.code == "busy"


def test_an_upload_that_was_complete_before_is_not_published_afterwards(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    with server.client(ann) as client:
        done = direct(client, posted["collection"]).json()
        take_down(server, root, file_id=posted["id"])
        answer = client.post(
            f"/api/collections/{posted['collection']}/files", json={"upload": done["id"]}
        )
        assert answer.status_code == 451


def test_a_signed_url_given_out_before_opens_nothing(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    presigner = server.application.services.storage.presigner
    assert presigner is not None
    key = server.run(keys_of(server, posted["id"]))
    expires_at = server.application.services.clock() + timedelta(hours=1)
    url = presigner.get(key, expires_at=expires_at).url
    assert httpx2.get(url).content == PICTURE
    take_down(server, root, file_id=posted["id"])
    assert httpx2.get(url).status_code == 404


async def keys_of(server: RunningApplication, file_id: str) -> str:
    return await server.application.services.database.read(
        lambda connection: connection.execute(
            select(files.c.storage_key).where(files.c.id == file_id)
        ).scalar_one()
    )


def test_what_was_made_of_it_leaves_the_disk(
    server: RunningApplication, root: Person, posted: dict[str, Any], tmp_path: Path
):
    httpx2.get(server.url + f"/images/{posted['id']}?width=111").raise_for_status()
    server.run(server.application.services.images.variants.settled())
    kept = {path for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    take_down(server, root, file_id=posted["id"])
    left = {path for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert kept - left != set()


def test_whoever_published_it_may_object_and_the_operator_may_bring_it_back(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    takedown = take_down(server, root, file_id=posted["id"]).json()["id"]
    counter = f"/api/takedowns/{takedown}/counter-notice"
    ben = server.person("ben")
    with server.client(ben) as client:
        assert client.post(counter, json={"statement": "no"}).status_code == 403
    with server.client(ann) as client, server.client(root) as admin:
        assert client.post(counter, json={"statement": " "}).status_code == 422
        countered = client.post(counter, json={"statement": "it is mine"}).json()
        assert (countered["state"], countered["statement"]) == ("countered", "it is mine")
        assert client.post(counter, json={"statement": "again"}).status_code == 409
        assert client.get(f"/files/{posted['id']}").status_code == 451
        restore = f"/api/admin/takedowns/{takedown}/restore"
        assert client.post(restore, json={}).status_code == 403
        restored = admin.post(restore, json={"reason": "the notice was withdrawn"}).json()
        assert restored["state"] == "restored"
        assert httpx2.get(server.url + f"/files/{posted['id']}").content == PICTURE
        for address in addresses(posted):
            assert httpx2.get(server.url + address).status_code == 200
        (picture,) = client.get(f"/api/albums/{posted['collection']}").json()["images"]
        assert picture["bigWidth"] == 640
        assert client.put(f"/api/collections/{posted['collection']}/files/again.jpg", content=PICTURE).status_code == 201  # fmt: skip
        assert admin.post(restore, json={}).status_code == 409


def test_a_file_that_is_deleted_after_it_was_taken_down_is_not_counted_off_twice(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    name = posted["collection"]
    with server.client(ann) as client:
        publish_file(client, name, "other.jpg", quadrants(64, 64).jpegsave_buffer())
        take_down(server, root, file_id=posted["id"])
        assert client.get(f"/api/collections/{name}").json()["picture_count"] == 1
        client.delete(f"/api/files/{posted['id']}").raise_for_status()
        assert client.get(f"/api/collections/{name}").json()["picture_count"] == 1


def test_every_step_is_in_the_audit_log(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    takedown = take_down(server, root, file_id=posted["id"]).json()["id"]
    with server.client(ann) as client, server.client(root) as admin:
        client.post(f"/api/takedowns/{takedown}/counter-notice", json={"statement": "mine"})
        admin.post(f"/api/admin/takedowns/{takedown}/restore", json={"reason": "withdrawn"})

    async def read() -> list[tuple[str, str]]:
        return await server.application.services.database.read(
            lambda connection: [
                (row.action, row.account_id)
                for row in connection.execute(
                    select(audit).where(audit.c.subject == takedown).order_by(audit.c.id)
                )
            ]
        )

    assert server.run(read()) == [
        ("takedown.made", root.id),
        ("takedown.countered", ann.id),
        ("takedown.restored", root.id),
    ]


def test_after_the_hold_time_the_bytes_go_and_the_content_stays_out(
    server: RunningApplication, ann: Person, root: Person, posted: dict[str, Any]
):
    takedown = take_down(server, root, file_id=posted["id"]).json()["id"]
    services = server.application.services
    later = services.clock() + timedelta(days=365)
    assert server.run(end_held(services.database, services.clock())) == 0
    assert server.run(end_held(services.database, later)) == 1
    assert server.run(end_held(services.database, later)) == 0
    with server.client(ann) as client, server.client(root) as admin:
        assert client.get("/api/me").json()["quota"]["total_used"] == 0
        assert admin.post(f"/api/admin/takedowns/{takedown}/restore", json={}).status_code == 409
        assert client.get(f"/files/{posted['id']}").status_code == 451
        name = posted["collection"]
        assert (
            client.put(f"/api/collections/{name}/files/a.jpg", content=PICTURE).status_code == 451
        )
        (listed,) = admin.get("/api/admin/takedowns").json()["takedowns"]
        assert listed["state"] == "final"
        assert admin.get("/api/admin/takedowns?state=held").json()["takedowns"] == []
        assert admin.get("/api/admin/takedowns?state=lost").status_code == 422

    async def discarded() -> list[str]:
        return await services.database.read(
            lambda connection: list(
                connection.execute(select(discarded_objects.c.storage_key)).scalars()
            )
        )

    assert server.run(discarded()) != []


def test_while_the_storage_is_away_it_is_gone_all_the_same_and_the_job_finishes(
    server: RunningApplication,
    root: Person,
    posted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
):
    services = server.application.services
    move = type(services.storage).move

    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("away")

    monkeypatch.setattr(type(services.storage), "move", away)
    assert take_down(server, root, file_id=posted["id"]).status_code == 201
    assert httpx2.get(server.url + f"/files/{posted['id']}").status_code == 451
    monkeypatch.setattr(type(services.storage), "move", move)
    assert server.run(hold_bytes(services.database, services.storage)) == 1
    assert server.run(hold_bytes(services.database, services.storage)) == 0


def test_all_files_of_a_takedown_are_held_in_one_run_beside_those_whose_bytes_are_gone(
    server: RunningApplication,
    ann: Person,
    root: Person,
    posted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
):
    services = server.application.services
    monkeypatch.setattr("cimaise.library.takedowns.held._BATCH", 2)
    with server.client(ann) as client:
        for number in range(6):
            client.put(
                f"/api/collections/{posted['collection']}/files/{number}.jpg", content=PICTURE
            ).raise_for_status()
    gone = server.run(keys_of(server, posted["id"]))
    server.run(services.storage.delete([gone]))
    takedown = take_down(server, root, file_id=posted["id"]).json()
    assert len(takedown["file_ids"]) == 7

    async def waiting() -> list[str]:
        return [row.file_id for row in await services.database.read(partial(not_moved, after=None))]

    assert server.run(waiting()) == [posted["id"]]
    with server.client(ann) as client:
        client.delete(f"/api/files/{posted['id']}").raise_for_status()
    assert server.run(hold_bytes(services.database, services.storage)) == 0
    assert server.run(waiting()) == []


def test_a_process_that_died_behind_the_move_loses_nothing(
    server: RunningApplication, root: Person, posted: dict[str, Any]
):
    takedown = take_down(server, root, file_id=posted["id"]).json()["id"]
    services = server.application.services

    async def forget() -> None:
        await services.database.write(
            lambda connection: connection.execute(update(takedown_files).values(is_moved=False))
        )

    server.run(forget())
    assert server.run(hold_bytes(services.database, services.storage)) == 1
    server.run(services.library.takedowns.restore(None, takedown, reason=""))
    assert httpx2.get(server.url + f"/files/{posted['id']}").content == PICTURE


def test_content_can_be_kept_out_before_anybody_sends_it(
    server: RunningApplication, ann: Person, root: Person
):
    assert take_down(server, root, sha256=DIGEST).status_code == 422
    made = take_down(server, root, sha256=DIGEST, size=len(PICTURE))
    assert (made.status_code, made.json()["file_ids"]) == (201, [])
    with server.client(ann) as client:
        assert client.put("/api/collections/inbox/files/a.jpg", content=PICTURE).status_code == 451


def test_asked_twice_it_is_one_takedown(
    server: RunningApplication, root: Person, posted: dict[str, Any]
):
    first = take_down(server, root, sha256=DIGEST).json()
    assert take_down(server, root, sha256=DIGEST).json() == first
    assert take_down(server, root, file_id=posted["id"]).status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"file_id": "nothing-like-this"}, 404),
        ({"file_id": "x", "sha256": DIGEST}, 422),
        ({"sha256": "xyz", "size": 1}, 422),
        ({"sha256": DIGEST, "size": 1, "reason": " "}, 422),
        ({"sha256": DIGEST, "size": 1, "reason": "x" * 10_001}, 422),
    ],
)
def test_what_is_no_notice_is_refused(
    server: RunningApplication, root: Person, body: dict[str, Any], status: int
):
    assert take_down(server, root, **body).status_code == status


def test_only_administrators_take_down(server: RunningApplication, ann: Person):
    body = {"reason": "x", "sha256": DIGEST, "size": 1}
    assert httpx2.post(server.url + "/api/admin/takedowns", json=body).status_code == 401
    with server.client(ann) as client:
        assert client.post("/api/admin/takedowns", json=body).status_code == 403
        assert client.get("/api/admin/takedowns").status_code == 403
