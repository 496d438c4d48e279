import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from cimaise.database.engine import Database
from cimaise.errors import Unavailable
from cimaise.library.serving_types import INLINE_TYPES
from tests.kit.application import Person, RunningApplication
from tests.kit.bodies import content
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection, publish_file

BODY = content(10_000)
ETAG_OF_OTHERS = '"0123456789abcdef"'


@pytest.fixture(scope="module")
def file(server: RunningApplication, ann: Person) -> dict:
    """A public file of ten thousand bytes."""
    with server.client(ann) as client:
        collection = make_collection(server, client, visibility="public")
        return publish_file(client, collection, "noise.bin", BODY)


@pytest.fixture(scope="module")
def private(server: RunningApplication, ann: Person) -> dict:
    with server.client(ann) as client:
        return publish_file(client, make_collection(server, client), "noise.bin", BODY)


@pytest.fixture
def guest(server: RunningApplication) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.mark.parametrize("form", ["/files/{}", "/images/{}/original"])
def test_a_whole_file_has_every_header(guest: httpx2.Client, file: dict, form: str):
    answer = guest.get(form.format(file["id"]))
    assert answer.status_code == 200
    assert answer.content == BODY
    headers = answer.headers
    assert headers["content-length"] == "10000"
    assert headers["content-type"] == "application/octet-stream"
    assert headers["etag"] == file["etag"]
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-disposition"] == 'attachment; filename="noise.bin"'
    assert headers["cache-control"] == "public, max-age=3600"
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["access-control-allow-origin"] == "*"
    assert "last-modified" in headers
    assert "x-robots-tag" not in headers
    assert "transfer-encoding" not in headers


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=9990-", 9990, 10000),
        ("bytes=-5", 9995, 10000),
        ("bytes=-99999", 0, 10000),
        ("bytes=9999-99999999999999999999", 9999, 10000),
        ("BYTES=5-6", 5, 7),
        ("bytes=0-9,5-20", 0, 21),
    ],
)
def test_one_range_is_206_with_exactly_its_bytes(
    guest: httpx2.Client, file: dict, value: str, start: int, stop: int
):
    answer = guest.get(f"/files/{file['id']}", headers={"Range": value})
    assert answer.status_code == 206
    assert answer.content == BODY[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/10000"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize(
    "value",
    [
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=5-1",
        "items=0-1",
        "bytes=1",
        "bytes=--1",
        "bytes=0-1;",
    ],
)
def test_what_is_no_range_is_ignored(guest: httpx2.Client, file: dict, value: str):
    answer = guest.get(f"/files/{file['id']}", headers={"Range": value})
    assert answer.status_code == 200
    assert answer.content == BODY


@pytest.mark.parametrize("value", ["bytes=10000-", "bytes=-0", "bytes=10000-10001,20000-"])
def test_a_range_outside_is_416_with_the_size(guest: httpx2.Client, file: dict, value: str):
    answer = guest.get(f"/files/{file['id']}", headers={"Range": value})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10000"
    assert answer.json()["code"] == "range_not_satisfiable"


def test_several_ranges_come_as_parts_of_a_known_length(guest: httpx2.Client, file: dict):
    answer = guest.get(f"/files/{file['id']}", headers={"Range": "bytes=0-1,100-101,-2"})
    assert answer.status_code == 206
    boundary = answer.headers["content-type"].removeprefix("multipart/byteranges; boundary=")
    parts = answer.content.split(b"--" + boundary.encode())
    bodies = [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in parts[1:-1]]
    assert bodies == [BODY[:2], BODY[100:102], BODY[-2:]]
    assert b"Content-Range: bytes 100-101/10000" in parts[2]
    assert answer.headers["content-length"] == str(len(answer.content))


def test_more_than_sixteen_ranges_give_the_whole(guest: httpx2.Client, file: dict):
    many = ",".join(f"{number * 10}-{number * 10}" for number in range(17))
    answer = guest.get(f"/files/{file['id']}", headers={"Range": f"bytes={many}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": "{etag}"}, 304),
        ({"If-None-Match": "W/{etag}"}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": ETAG_OF_OTHERS}, 200),
        ({"If-None-Match": "{etag}, " + ETAG_OF_OTHERS}, 304),
        ({"If-Modified-Since": "{date}"}, 304),
        ({"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "{date}", "If-None-Match": ETAG_OF_OTHERS}, 200),
        ({"If-Match": "{etag}"}, 200),
        ({"If-Match": ETAG_OF_OTHERS}, 412),
        ({"If-Match": "W/{etag}"}, 412),
        ({"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 412),
        ({"Range": "bytes=0-1", "If-Range": "{etag}"}, 206),
        ({"Range": "bytes=0-1", "If-Range": "W/{etag}"}, 200),
        ({"Range": "bytes=0-1", "If-Range": ETAG_OF_OTHERS}, 200),
        ({"Range": "bytes=0-1", "If-Range": "{date}"}, 206),
        ({"Range": "bytes=99999-", "If-None-Match": "{etag}"}, 304),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_are_decided_in_the_order_of_rfc_9110(
    guest: httpx2.Client, file: dict, headers: dict[str, str], status: int, method: str
):
    date = guest.head(f"/files/{file['id']}").headers["last-modified"]
    filled = {
        name: text.replace("{etag}", file["etag"]).replace("{date}", date)
        for name, text in headers.items()
    }
    answer = guest.request(method, f"/files/{file['id']}", headers=filled)
    if method == "HEAD" and status == 206:
        status = 200  # Range is for GET alone
    assert answer.status_code == status
    if status in (200, 206, 304):
        assert answer.headers["etag"] == file["etag"]
    if status == 304:
        assert answer.content == b""
        assert "cache-control" in answer.headers


def test_head_has_the_headers_of_get_and_no_body(guest: httpx2.Client, file: dict):
    got, head = guest.get(f"/files/{file['id']}"), guest.head(f"/files/{file['id']}")
    ignored = {"date", "x-request-id"}
    assert {n: v for n, v in head.headers.items() if n not in ignored} == {
        n: v for n, v in got.headers.items() if n not in ignored
    }
    assert head.content == b""


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "inline"),
        ("?download=0", "inline"),
        ("?download=false", "inline"),
        ("?download", "attachment"),
        ("?download=", "attachment"),
        ("?download=1", "attachment"),
        ("?download=true", "attachment"),
    ],
)
def test_download_decides_between_showing_and_saving(
    server: RunningApplication, ann: Person, query: str, kind: str
):
    with server.client(ann) as client:
        name = make_collection(server, client)
        file = publish_file(client, name, "notes.txt", b"plain words\n")
        answer = client.get(f"/files/{file['id']}{query}")
    assert answer.headers["content-disposition"] == f'{kind}; filename="notes.txt"'


def test_any_other_value_of_download_is_refused(guest: httpx2.Client, file: dict):
    answer = guest.get(f"/files/{file['id']}?download=maybe")
    assert (answer.status_code, answer.json()["field"]) == (422, "download")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("page.html", b"<!doctype html><script>alert(1)</script>"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'),
        ("page.xhtml", b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>'),
    ],
)
def test_what_could_run_is_neither_shown_nor_called_what_it_is(
    server: RunningApplication, ann: Person, name: str, body: bytes
):
    with server.client(ann) as client:
        file = publish_file(client, make_collection(server, client), name, body)
        answer = client.get(f"/files/{file['id']}")
    assert file["content_type"] not in INLINE_TYPES
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"].split(";")[0] in (
        "text/plain",
        "application/octet-stream",
    )


def test_private_bytes_are_for_their_owner_and_admins_only(
    server: RunningApplication, private: dict, ann: Person, bob: Person, root: Person
):
    for path in (f"/files/{private['id']}", f"/images/{private['id']}/original"):
        with server.client() as guest, server.client(bob) as stranger:
            assert guest.get(path).status_code == 401
            assert stranger.get(path).status_code == 403
        for person in (ann, root):
            with server.client(person) as client:
                answer = client.get(path)
                assert answer.status_code == 200
                assert answer.headers["cache-control"] == "private, max-age=3600"
                assert answer.headers["x-robots-tag"] == "noindex"
                assert "access-control-allow-origin" not in answer.headers


def test_an_absent_file_is_404_for_everybody(server: RunningApplication, ann: Person):
    for person in (None, ann):
        with server.client(person) as client:
            assert client.get("/files/doesnotexist").status_code == 404


def test_a_link_opens_one_file_until_it_is_taken_back(
    server: RunningApplication, ann: Person, private: dict, file: dict
):
    with server.client(ann) as client, server.client() as guest:
        link = client.post(f"/api/files/{private['id']}/links", json={"download": True}).json()
        answer = guest.get(link["url"])
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["cache-control"].startswith("private")
        other = link["url"].replace(private["id"], file["id"])
        assert guest.get(other).status_code == 403
        assert guest.get(link["url"][:-4] + "AAAA").status_code == 403
        assert client.delete(f"/api/links/{link['id']}").status_code == 204
        assert guest.get(link["url"]).status_code == 410


def test_a_link_may_be_used_only_so_often(server: RunningApplication, ann: Person, private: dict):
    with server.client(ann) as client, server.client() as guest:
        link = client.post(f"/api/files/{private['id']}/links", json={"max_uses": 2}).json()
        assert guest.head(link["url"]).status_code == 200
        assert [guest.get(link["url"]).status_code for _ in range(3)] == [200, 200, 410]


def test_links_are_listed_and_taken_back_by_file_and_account(
    server: RunningApplication, ann: Person, bob: Person, private: dict
):
    where = f"/api/files/{private['id']}/links"
    with server.client(ann) as client, server.client(bob) as stranger, server.client() as guest:
        client.delete(where)
        made = [client.post(where, json={"max_uses": 3}).json() for _ in range(2)]
        assert guest.get(made[0]["url"]).status_code == 200
        listed = {one["id"]: one for one in client.get(where).json()["links"]}
        assert set(listed) == {one["id"] for one in made}
        assert listed[made[0]["id"]]["uses"] == 1
        assert listed[made[0]["id"]]["url"] == made[0]["url"]  # it can be copied again
        for method in ("GET", "DELETE"):
            assert stranger.request(method, where).status_code == 403
            assert guest.request(method, where).status_code == 401
        assert client.delete(where).json() == {"revoked": 2}
        assert [guest.get(one["url"]).status_code for one in made] == [410, 410]
        last = client.post(where, json={}).json()
        assert client.delete("/api/links").json() == {"revoked": 1}
        assert guest.get(last["url"]).status_code == 410
        account = client.get("/api/me").json()["id"]
        assert stranger.delete("/api/links", params={"account": account}).status_code == 404


def test_a_variant_is_a_use_of_a_link_as_well(server: RunningApplication, ann: Person):
    with server.client(ann) as client, server.client() as guest:
        picture = bytes(quadrants(40, 30).write_to_buffer(".png"))
        file = publish_file(client, make_collection(server, client), "p.png", picture)
        link = client.post(f"/api/files/{file['id']}/links", json={"max_uses": 2}).json()
        token = link["url"].partition("link=")[2]
        variant = f"/images/{file['id']}?width=20&link={token}"
        assert guest.head(variant).status_code == 200
        assert guest.get(f"/images/{file['id']}/info?link={token}").status_code == 200
        assert [guest.get(variant).status_code for _ in range(3)] == [200, 200, 410]


def object_path(server: RunningApplication, file: dict) -> Path:
    """Where the bytes of a file lie."""
    services = server.application.services

    async def key() -> str:
        from cimaise.access.policy import Principal, Role  # noqa: PLC0415

        admin = Principal("x", "x", Role.ADMIN)
        return (await services.library.files.find(admin, file["id"])).storage_key or ""

    data_dir = server.application.settings.data.dir
    return next(data_dir.rglob(server.run(key()).rpartition("/")[2]))


def test_missing_bytes_are_404_and_say_so(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        file = publish_file(client, make_collection(server, client), "gone.bin", BODY)
        path = object_path(server, file)
        path.rename(path.with_suffix(".away"))
        answer = client.get(f"/files/{file['id']}")
        assert (answer.status_code, answer.json()["code"]) == (404, "file_missing")
        assert answer.json()["error"] == "File missing"
        assert str(path.name) not in answer.text
        path.mkdir()
        assert client.get(f"/files/{file['id']}").status_code == 404


def test_a_file_that_shrank_is_never_sent_as_whole(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        file = publish_file(client, make_collection(server, client), "cut.bin", BODY)
        os.truncate(object_path(server, file), 5000)
        assert client.get(f"/files/{file['id']}").status_code == 404


def test_a_file_that_shrinks_while_it_is_sent_cuts_the_connection(
    server: RunningApplication, ann: Person
):
    body = content(30 * 1024 * 1024)
    with server.client(ann) as client:
        file = publish_file(client, make_collection(server, client), "long.bin", body)
    path = object_path(server, file)
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port)) as connection:
        head = f"GET /files/{file['id']} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.key}\r\n\r\n"
        connection.sendall(head.encode())
        received = len(connection.recv(65536))
        os.truncate(path, 1024)
        while chunk := connection.recv(1024 * 1024):
            received += len(chunk)
    assert received < len(body)


def test_downloads_are_counted_beside_the_transfer_and_written_when_the_database_is_back(
    server: RunningApplication, ann: Person, monkeypatch: pytest.MonkeyPatch
):
    async def away(self: Database, work: object) -> None:
        raise Unavailable("The database is away.")

    tally = server.application.services.delivery.tally
    with server.client(ann) as client:
        file = publish_file(client, make_collection(server, client), "counted.bin", BODY)
        client.get(f"/files/{file['id']}")
        client.head(f"/files/{file['id']}")
        client.get(f"/files/{file['id']}", headers={"Range": "bytes=100-"})
        with monkeypatch.context() as broken:
            broken.setattr(Database, "write", away)
            server.run(tally.flush())
        server.run(tally.flush())
        assert client.get(f"/api/files/{file['id']}").json()["download_count"] == 1


def test_a_deleted_file_is_gone_with_its_bytes(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        file = publish_file(client, make_collection(server, client), "deleted.bin", BODY)
        path = object_path(server, file)
        used = client.get("/api/me").json()["quota"]["total_used"]
        assert client.delete(f"/api/files/{file['id']}").status_code == 204
        assert client.get(f"/files/{file['id']}").status_code == 404
        assert client.get("/api/me").json()["quota"]["total_used"] == used - len(BODY)
        services = server.application.services
        from cimaise.library.discarded import delete_discarded  # noqa: PLC0415

        server.run(delete_discarded(services.database, services.storage, now=services.clock()))
        assert not path.exists()
