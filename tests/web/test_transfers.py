"""Transfers are let in, counted and told apart: the whole way through a real server."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cimaise.access.policy import Role
from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.bodies import content
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection, publish_file

BODY = content(20_000)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def strict(settings: Settings) -> Settings:
    delivery = replace(
        settings.delivery,
        referrers=("friend.example",),
        address_requests=30,
        account_at_once=1,
        refuse_crawlers=True,
    )
    return replace(settings, delivery=delivery)


def hang(data_dir: Path) -> None:
    album = data_dir / "albums" / "hung"
    album.mkdir(parents=True)
    (album / "a.png").write_bytes(bytes(quadrants(30, 20).write_to_buffer(".png")))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningApplication]:
    hang(tmp_path)
    with running_application(tmp_path, strict) as running:
        yield running


@pytest.fixture
def ann(server: RunningApplication) -> Person:
    return server.person("ann")


@pytest.fixture
def file(server: RunningApplication, ann: Person) -> dict:
    with server.client(ann) as client:
        return publish_file(
            client, make_collection(server, client, visibility="public"), "a.bin", BODY
        )


def test_another_site_gets_nothing_and_says_why(server: RunningApplication, file: dict):
    paths = (f"/files/{file['id']}", "/albums/hung/a.png", "/api/albums/hung/zip")
    for path in paths:
        with server.client() as guest:
            refused = guest.get(path, headers={"Referer": "https://thief.test/"})
            shown = guest.get(path, headers={"Referer": "https://friend.example/page"})
            own = guest.get(path, headers={"Referer": server.url + "/gallery/hung"})
        assert (refused.status_code, refused.json()["code"]) == (403, "hotlink")
        assert refused.headers["cache-control"] == "no-store"
        assert (shown.status_code, own.status_code) == (200, 200)


def test_a_crawler_is_refused(server: RunningApplication, file: dict):
    answer = httpx2.get(f"{server.url}/files/{file['id']}", headers={"User-Agent": "GPTBot/1.2"})
    assert (answer.status_code, answer.json()["code"]) == (403, "crawler")


def test_an_address_that_begins_too_many_is_told_when_again(server: RunningApplication, file: dict):
    with server.client() as guest:
        answers = [
            guest.get(f"/files/{file['id']}", headers={"Range": "bytes=0-0"}) for _ in range(33)
        ]
    assert [answer.status_code for answer in answers].count(206) == 30
    refused = answers[-1]
    assert (refused.status_code, refused.json()["code"]) == (429, "transfer_rate")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["limit"] == {"name": "delivery.address_requests", "value": 30}


def test_an_account_has_so_many_transfers_at_once_and_its_place_back_afterwards(
    server: RunningApplication, ann: Person
):
    with server.client(ann) as client:
        long = publish_file(
            client, make_collection(server, client), "long.bin", content(40 * 1024 * 1024)
        )
        with client.stream("GET", f"/files/{long['id']}") as answer:
            assert answer.status_code == 200
            chunks = answer.iter_raw(1024)  # to be kept: without it the client hangs up
            next(chunks)
            with server.client(ann) as other:
                refused = other.get(f"/files/{long['id']}", headers={"Range": "bytes=0-9"})
            assert (refused.status_code, refused.json()["code"]) == (429, "transfers_at_once")
            assert refused.headers["retry-after"]
        pause = threading.Event()
        for _ in range(200):  # the server notices that the first has hung up
            again = client.get(f"/files/{long['id']}", headers={"Range": "bytes=0-9"})
            if again.status_code == 206:
                break
            pause.wait(0.02)
        assert again.status_code == 206


def told(admin: httpx2.Client, requests: int) -> dict:
    """Sums, once they are of so many: a transfer is counted when all of it has been sent, and by
    then the client may have asked for them already."""
    pause = threading.Event()
    for _ in range(1000):
        found: dict = admin.get("/api/admin/delivery", params={"days": 1}).json()
        if sum(one["requests"] for one in found["visitors"]) >= requests:
            break
        pause.wait(0.02)
    return found


def test_what_was_delivered_is_told_to_administrators(
    server: RunningApplication, ann: Person, file: dict
):
    root = server.person("root", Role.ADMIN)
    url = f"{server.url}/files/{file['id']}"
    httpx2.get(url, headers={"User-Agent": FIREFOX})
    httpx2.get(url, headers={"User-Agent": "curl/8", "Range": "bytes=0-99"})
    httpx2.head(url, headers={"User-Agent": FIREFOX})
    httpx2.get(f"{server.url}/albums/hung/a.png", headers={"User-Agent": FIREFOX})
    with server.client(ann) as client, server.client(root) as admin:
        client.get(f"/files/{file['id']}", headers={"User-Agent": "VLC/3"})
        assert client.get("/api/admin/delivery").status_code == 403
        found = told(admin, 4)
        assert admin.get("/api/admin/delivery", params={"days": 0}).status_code == 422
    (popular,) = found["files"]
    assert popular == {
        "id": file["id"], "filename": "a.bin", "requests": 3, "bytes": 2 * len(BODY) + 100,
    }  # fmt: skip
    assert [(one["id"], one["requests"]) for one in found["owners"]] == [(ann.id, 3)]
    assert {one["id"]: one["requests"] for one in found["readers"]} == {ann.id: 1, "": 3}
    kinds = {one["id"]: one["requests"] for one in found["visitors"]}
    assert kinds == {"browser": 2, "script": 1, "other": 1}
    assert found["crawlers_share"] == 0.25


def test_sums_are_written_when_the_server_stops(tmp_path: Path):
    with running_application(tmp_path) as first:
        ann = first.person("ann")
        with first.client(ann) as client:
            collection = make_collection(first, client, visibility="public")
            file = publish_file(client, collection, "a.bin", BODY)
            client.get(f"/files/{file['id']}")
    with running_application(tmp_path) as second:
        root = second.person("root", Role.ADMIN)
        with second.client(root) as admin:
            found = admin.get("/api/admin/delivery").json()
    assert [one["bytes"] for one in found["files"]] == [len(BODY)]
