"""A second origin for what strangers uploaded: bytes are there, and nothing else is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.bodies import content
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection, publish_file

BODY = content(5000)


def two_origins(settings: Settings) -> Settings:
    """The same socket under another name: what a browser takes for another origin."""
    files_url = f"http://localhost:{settings.server.port}"
    return replace(settings, delivery=replace(settings.delivery, files_url=files_url))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    data_dir: Path = tmp_path_factory.mktemp("origins")
    for name, toml in (("open", ""), ("closed", 'visibility = "private"\n')):
        album = data_dir / "albums" / name
        album.mkdir(parents=True)
        (album / "a.png").write_bytes(bytes(quadrants(30, 20).write_to_buffer(".png")))
        (album / "album.toml").write_text(toml)
    with running_application(data_dir, two_origins) as running:
        yield running


@pytest.fixture(scope="module")
def ann(server: RunningApplication) -> Person:
    return server.person("ann")


def files_url(server: RunningApplication) -> str:
    return server.application.settings.delivery.files_url


def published(server: RunningApplication, ann: Person, visibility: str) -> dict:
    with server.client(ann) as client:
        name = make_collection(server, client, visibility=visibility)
        return publish_file(client, name, "a.bin", BODY)


def test_a_public_file_is_sent_over_and_there_it_is(server: RunningApplication, ann: Person):
    file = published(server, ann, "public")
    with server.client() as guest:
        sent = guest.get(f"/files/{file['id']}?download=1")
        assert sent.status_code == 302
        assert sent.headers["location"] == f"{files_url(server)}/files/{file['id']}?download=1"
        answer = guest.get(sent.headers["location"], headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, BODY[10:20])
    assert answer.headers["cache-control"] == "public, max-age=3600"


def test_a_private_file_is_sent_over_with_a_grant(server: RunningApplication, ann: Person):
    file, other = (published(server, ann, "private") for _ in range(2))
    with server.client(ann) as client, server.client() as guest:
        assert guest.get(f"/files/{file['id']}").status_code == 401
        sent = client.get(f"/images/{file['id']}/original").headers["location"]
        assert urlsplit(sent).netloc == urlsplit(files_url(server)).netloc
        answer = guest.get(sent)
        assert (answer.status_code, answer.content) == (200, BODY)
        assert answer.headers["cache-control"].startswith("private")
        assert guest.get(sent.replace(file["id"], other["id"])).status_code == 401
        assert guest.get(sent[:-3] + "AAA").status_code == 403
        assert guest.get(f"{files_url(server)}/files/{file['id']}").status_code == 401
        # nobody is signed in there: a key is as good as none
        alone = f"{files_url(server)}/files/{file['id']}"
        assert client.get(alone).status_code == 401


def test_a_link_is_enough_at_both_origins_and_is_used_once(server: RunningApplication, ann: Person):
    file = published(server, ann, "private")
    with server.client(ann) as client, server.client() as guest:
        link = client.post(f"/api/files/{file['id']}/links", json={"max_uses": 1}).json()["url"]
        sent = guest.get(link)
        assert "grant=" not in sent.headers["location"]
        assert guest.get(sent.headers["location"]).status_code == 200
        assert guest.get(sent.headers["location"]).status_code == 410


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/api/me", "/api/albums", "/gallery/open", "/healthz", "/docs", "/upload",
     "/images/x?width=3", "/static/gallery.css", "/files", "/storage/x", "/resize?url=/x"],
)  # fmt: skip
def test_there_is_nothing_else_there(server: RunningApplication, ann: Person, path: str):
    with server.client(ann) as client:
        for method in ("GET", "POST", "DELETE"):
            answer = client.request(method, files_url(server) + path)
            assert answer.status_code == 404, (method, path)
            assert answer.json()["code"] == "not_found"
            assert answer.headers["x-request-id"]


def test_album_files_are_sent_over_too(server: RunningApplication, ann: Person):
    root = server.person("root")
    with server.client() as guest, server.client(root):
        sent = guest.get("/albums/open/a.png")
        assert sent.status_code == 302
        assert guest.get(sent.headers["location"]).status_code == 200


def test_a_page_may_show_what_is_there(server: RunningApplication):
    policy = httpx2.get(server.url + "/").headers["content-security-policy"]
    origin = files_url(server)
    assert f"img-src 'self' data: blob: {origin}" in policy
    assert f"media-src 'self' {origin}" in policy
    assert origin not in policy.partition("script-src")[2].partition(";")[0]
