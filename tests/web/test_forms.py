import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.bodies import content
from tests.kit.sending import make_collection
from tests.kit.uploading import MB, zipped

ZIP = zipped(300_000)


def post(client: httpx2.Client, fields: Sequence[Any], **more: Any) -> httpx2.Response:
    """A form whose fields and files keep their order."""
    return client.post("/upload", files=fields, **more)


def text(value: str) -> tuple[None, str]:
    return (None, value)


def used(client: httpx2.Client) -> tuple[int, int]:
    quota = client.get("/api/me").json()["quota"]
    return quota["total_used"], quota["daily_files_used"]


def stored(server: RunningApplication) -> set[Path]:
    """Every file of the storage."""
    data = server.application.settings.data.dir
    folders = [data / "multipart", data / "objects", data / "incoming", data / "tmp"]
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("order", ["before", "after"])
def test_fields_may_stand_before_or_behind_their_file(
    server: RunningApplication, ann: Person, order: str
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        fields: list[Any] = [
            ("collection", text(collection)),
            ("title", text("Tools")),
            ("note", text("n")),
        ]
        file: list[Any] = [("file", ("tools.zip", ZIP, "application/zip"))]
        answer = post(client, fields + file if order == "before" else file + fields)
        assert answer.status_code == 201, answer.text
        (made,) = answer.json()["files"]
        assert (made["title"], made["note"], made["collection"]) == ("Tools", "n", collection)
        assert client.get(made["original_url"]).content == ZIP


def test_several_files_of_one_field_are_published_together(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        files = [("file", (f"{number}.zip", ZIP, "application/zip")) for number in range(3)]
        answer = post(client, [("collection", text(collection)), *files])
        assert [one["filename"] for one in answer.json()["files"]] == ["0.zip", "1.zip", "2.zip"]


def test_a_browser_is_sent_on_to_a_page(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        answer = post(
            client,
            [("collection", text(collection)), ("file", ("a.zip", ZIP, "application/zip"))],
            headers={"Accept": "text/html,application/xhtml+xml"},
        )
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/upload?")


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ([("file", ("a.zip", ZIP, "application/zip"))], 422, "collection"),
        ([("collection", text("C"))], 422, "file"),
        ([("collection", text("C")), ("file", ("", b"", "application/octet-stream"))], 422, "file"),
        ([("collection", text("C")), ("other", ("a.zip", ZIP, "application/zip"))], 422, "file"),
        ([("collection", text("C")), ("file", ("a.zip", b"", "application/zip"))], 422, "size"),
        ([("collection", text("nowhere")), ("file", ("a.zip", ZIP, "x/y"))], 404, None),
        ([("file", ("a.zip", ZIP, "x/y")), ("collection", text("nowhere"))], 404, None),
        ([("collection", text("C")), ("file", ("a.zip", b"MZ" + bytes(99), "x/y"))], 415, None),
        ([("file", ("a.zip", b"MZ" + bytes(200_000), "x/y")), ("collection", text("C"))], 415, None),
        ([("collection", text("C")), ("file", ("a.zip", ZIP, "no type"))], 422, "content_type"),
        ([("collection", text("C")), ("visibility", text("odd")), ("file", ("a.zip", ZIP, "x/y"))], 422, "visibility"),
        ([("collection", text("C")), ("title", text("t" * 301)), ("file", ("a.zip", ZIP, "x/y"))], 422, "title"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(
    server: RunningApplication, ann: Person, fields: list, status: int, field: str | None
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        named = [
            (name, text(collection) if value == text("C") else value) for name, value in fields
        ]
        before = used(client), stored(server)
        answer = post(client, named)
        assert answer.status_code == status, answer.text
        assert answer.json().get("field") == field
        assert (used(client), stored(server)) == before


def test_one_bad_file_refuses_the_whole_form(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        before = used(client), stored(server)
        answer = post(
            client,
            [
                ("collection", text(collection)),
                ("file", ("good.zip", ZIP, "application/zip")),
                ("file", ("bad.zip", b"%PDF-1.4 nothing", "application/zip")),
            ],
        )
        assert answer.status_code == 415
        assert client.get(f"/api/collections/{collection}/files").json()["files"] == []
        assert (used(client), stored(server)) == before


def test_the_policy_holds_for_forms_whose_collection_comes_last(
    server: RunningApplication, ann: Person, bob: Person
):
    with server.client(ann) as client, server.client(bob) as stranger:
        collection = make_collection(
            server, client, policy={"extensions": [".7z"], "max_bytes": 1000}
        )
        fields = [("file", ("a.zip", ZIP, "application/zip")), ("collection", text(collection))]
        assert post(client, fields).status_code == 415
        fields = [("file", ("a.txt", b"x" * 2000, "text/plain")), ("collection", text(collection))]
        assert post(stranger, fields).status_code == 404


def raw_post(server: RunningApplication, person: Person, head: str, body: bytes) -> None:
    """Send the beginning of a request and hang up."""
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(head.replace("KEY", person.key).encode() + body)


def test_a_form_that_breaks_off_leaves_nothing(server: RunningApplication):
    dora = server.person("dora")
    with server.client(dora) as client:
        collection = make_collection(server, client)
        before = stored(server)
        body = (
            f"--XX\r\nContent-Disposition: form-data; name=collection\r\n\r\n{collection}\r\n--XX\r\n"
            'Content-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        )
        head = (
            "POST /upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY\r\n"
            "Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: 90000000\r\n\r\n"
        )
        raw_post(server, dora, head, body.encode() + content(6 * MB))
        ended = server.run(_until_ended(server, dora))
        assert ended == {"rejected"}
        assert used(client) == (0, 0)
        assert stored(server) == before


async def _until_ended(server: RunningApplication, person: Person) -> set[str]:
    """The states of the person's uploads, once none is on its way any more."""
    from cimaise.access.policy import Principal, Role  # noqa: PLC0415

    principal = Principal(person.id, person.name, Role.MEMBER)
    while True:
        found = await server.application.services.uploads.direct.list(
            principal, state=None, before=None, limit=10
        )
        states = {one.state.value for one in found}
        if states and "completing" not in states:
            return states


@pytest.mark.parametrize("known", [True, False])
def test_a_raw_body_of_known_or_unknown_length_is_published_at_once(
    server: RunningApplication, ann: Person, known: bool
):
    with server.client(ann) as client:
        collection = make_collection(server, client)

        def pieces() -> Iterator[bytes]:
            for start in range(0, len(ZIP), 10_000):
                yield ZIP[start : start + 10_000]

        answer = client.put(
            f"/api/collections/{collection}/files/tools%20é.zip",
            content=ZIP if known else pieces(),
        )
        assert answer.status_code == 201, answer.text
        file = answer.json()
        assert file["filename"] == "tools é.zip"
        assert client.get(file["original_url"]).content == ZIP


def test_a_raw_body_is_held_against_every_limit(server: RunningApplication):
    eve = server.person("eve", total_bytes=500_000)
    with server.client(eve) as client:
        collection = make_collection(server, client, policy={"max_bytes": 400_000})
        url = f"/api/collections/{collection}/files/noise.bin"
        before = stored(server)
        for body in (content(400_001), iter([content(300_000), content(100_001)])):
            answer = client.put(url, content=body)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert client.put(url, content=b"").status_code == 422
        assert client.put(url, content=iter([b""])).status_code == 422
        assert (used(client), stored(server)) == ((0, 0), before)
        assert client.put(url, content=content(300_000)).status_code == 201
        for body in (content(200_001), iter([content(200_001)])):
            answer = client.put(url, content=body)
            assert answer.json()["code"] == "quota_exceeded"
        assert client.put(url, content=iter([content(200_000)])).status_code == 201
        assert used(client) == (500_000, 2)


def test_a_collection_that_publishes_separately_waits(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client, policy={"publish": "separately"})
        answer = client.put(f"/api/collections/{collection}/files/a.zip", content=ZIP)
        assert answer.json()["state"] == "uploaded"
        published = client.post(
            f"/api/collections/{collection}/files", json={"upload": answer.json()["id"]}
        )
        assert published.status_code == 201
