"""The album contract over HTTP, byte for byte, on names that break careless servers."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.application import RunningApplication, running_application
from tests.kit.pictures import quadrants

BASE = "https://pictures.example"
MARCH_9_S = 1_773_051_072
ODD = "été & ~ 日本 100%"


def hang(folder: Path, name: str, width: int, height: int, age_s: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    suffix = Path(name).suffix
    (folder / name).write_bytes(bytes(quadrants(width, height).write_to_buffer(suffix)))
    os.utime(folder / name, (MARCH_9_S - age_s, MARCH_9_S - age_s))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    data_dir = tmp_path_factory.mktemp("data")
    albums = data_dir / "albums"
    hang(albums / "vacation", "photo1.jpg", 64, 48)
    hang(albums / "vacation", "photo1-thumb.jpg", 50, 40)
    hang(albums / "vacation", "photo 2.png", 30, 40, age_s=86_400)
    odd = albums / ODD.replace("~ ", "")
    hang(odd, "a b#?%.jpg", 8, 8)
    (albums / "vacation" / "notes.txt").write_text("secret")
    (albums / "vacation" / ".hidden.jpg").write_bytes(b"secret")
    (data_dir / "secret.jpg").write_bytes(b"secret")
    (albums / "vacation" / "out.jpg").symlink_to(data_dir / "secret.jpg")
    (albums / "out").symlink_to(data_dir)
    with running_application(
        data_dir,
        lambda settings: replace(settings, server=replace(settings.server, public_url=BASE)),
    ) as running:
        yield running


@pytest.fixture
def client(server: RunningApplication) -> Iterator:
    port = server.application.settings.server.port
    with server.client() as opened:
        opened.base_url = f"http://127.0.0.1:{port}"
        yield opened


def test_the_whole_answer_is_these_bytes(client) -> None:
    answer = client.get("/api/albums/vacation?page=1&limit=20")
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == (
        b'{"images":[{"src":"/albums/vacation/photo1.jpg","thumb":"/albums/vacation/photo1-thumb.jpg",'
        b'"alt":"Gallery: vacation","date":"March 9, 2026","bigWidth":64,"bigHeight":48,'
        b'"thumbWidth":50,"thumbHeight":40,"dateTime":"2026-03-09T10:11:12Z","id":"photo1.jpg",'
        b'"name":"photo1.jpg","width":64,"height":48,'
        b'"srcset":"/resize?url=/albums/vacation/photo1.jpg&width=64 64w",'
        b'"download":"/albums/vacation/photo1.jpg?download=1"},'
        b'{"src":"/albums/vacation/photo%202.png",'
        b'"thumb":"/resize?url=/albums/vacation/photo%25202.png&width=500",'
        b'"alt":"Gallery: vacation","date":"March 8, 2026","bigWidth":30,"bigHeight":40,'
        b'"thumbWidth":30,"thumbHeight":40,"dateTime":"2026-03-08T10:11:12Z","id":"photo 2.png",'
        b'"name":"photo 2.png","width":30,"height":40,'
        b'"srcset":"/resize?url=/albums/vacation/photo%25202.png&width=30 30w",'
        b'"download":"/albums/vacation/photo%202.png?download=1"}],'
        b'"pagination":{"page":1,"limit":20,"total":2,"totalPages":1,"hasNextPage":false,'
        b'"hasPrevPage":false}}'
    )


def test_pages_follow_each_other_by_cursor(client) -> None:
    first = client.get("/api/albums/vacation?limit=1").json()
    assert first["pagination"]["hasNextPage"]
    following = client.get(
        "/api/albums/vacation", params={"limit": 1, "cursor": first["pagination"]["next"]}
    ).json()
    assert [one["name"] for one in following["images"]] == ["photo 2.png"]
    assert following["pagination"] == {
        "page": 2, "limit": 1, "total": 2, "totalPages": 2, "hasNextPage": False,
        "hasPrevPage": True,
    }  # fmt: skip
    for wrong in ("x", "", "AAAA", "é", first["pagination"]["next"] + "A"):
        answer = client.get("/api/albums/vacation", params={"cursor": wrong})
        assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1"])
def test_absolute_urls_come_from_the_setting_and_from_nothing_that_was_sent(client, host) -> None:
    headers = {
        "Host": host, "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example",
        "X-Forwarded-Proto": "http",
    }  # fmt: skip
    listed = client.get("/api/albums?absolute=1", headers=headers)
    album = client.get("/api/albums/vacation?absolute=1", headers=headers)
    assert "evil" not in listed.text + album.text
    assert all(one["url"].startswith(BASE) for one in listed.json()["albums"])
    for image in album.json()["images"]:
        assert image["src"].startswith(f"{BASE}/albums/vacation/")
        assert image["srcset"].startswith(f"{BASE}/resize?")


def test_every_url_of_an_odd_name_leads_to_its_picture(client) -> None:
    name = ODD.replace("~ ", "")
    listed = {one["name"]: one for one in client.get("/api/albums").json()["albums"]}
    assert set(listed) == {"vacation", name}
    assert client.get(listed[name]["url"]).status_code == 200
    assert client.get(listed[name]["cover"]).headers["content-type"] == "image/webp"
    (image,) = client.get(f"/api/albums/{listed[name]['url'].rpartition('/')[2]}").json()["images"]
    for url in (image["src"], image["thumb"], image["srcset"].split(" ")[0], image["download"]):
        answer = client.get(url)
        assert answer.status_code == 200, url
        assert answer.headers["content-type"].startswith("image/")


@pytest.mark.parametrize(
    "path",
    [
        "/albums/vacation/out.jpg", "/albums/out/secret.jpg", "/albums/vacation/notes.txt",
        "/albums/vacation/.hidden.jpg", "/albums/vacation/..%2F..%2Fsecret.jpg",
        "/albums/..%2Fsecret.jpg/x.jpg", "/albums/%2e%2e/secret.jpg", "/albums/vacation%00/photo1.jpg",
        "/albums/vacation/%252e%252e%252fsecret.jpg", "/albums/vacation~..~../secret.jpg",
        "/resize?url=/albums/vacation/../../secret.jpg&width=10",
        "/resize?url=/albums/vacation/out.jpg&width=10",
        "/resize?url=/albums/vacation/%2e%2e%2f%2e%2e%2fsecret.jpg&width=10",
        "/api/albums/..", "/api/albums/%2e%2e%2f", "/api/albums/out",
    ],
)  # fmt: skip
def test_nothing_outside_of_the_albums_is_served(client, path) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 422, 400)
    assert b"secret" not in answer.content.replace(b"secret.jpg", b"")
