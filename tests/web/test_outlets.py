"""Feeds, manifests and embedding over HTTP, of public albums and of those that are not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cimaise.settings import Settings
from tests.kit.application import RunningApplication, running_application
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection, publish_file

OUTLETS = (
    "/gallery/{}/feed.xml", "/gallery/{}/feed.json", "/api/albums/{}/manifest", "/embed/{}",
    "/oembed?url={base}/gallery/{}",
)  # fmt: skip
TYPES = (
    "application/rss+xml", "application/feed+json", "application/ld+json", "text/html",
    "application/json",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    data_dir = tmp_path_factory.mktemp("data")
    for album, visibility in (("open", "public"), ("closed", "private"), ("known", "unlisted")):
        folder = data_dir / "albums" / album
        folder.mkdir(parents=True)
        (folder / "a b.jpg").write_bytes(bytes(quadrants(64, 48).write_to_buffer(".jpg")))
        (folder / "album.toml").write_text(f'visibility = "{visibility}"')
    with running_application(data_dir) as running:
        yield running


@pytest.mark.parametrize(("path", "kind"), list(zip(OUTLETS, TYPES, strict=True)))
def test_a_public_album_has_every_outlet(server: RunningApplication, path: str, kind: str) -> None:
    with server.client() as guest:
        answer = guest.get(path.format("open", base=server.url))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"].startswith("public")
        secret = guest.get(path.format("known", base=server.url))
        assert secret.status_code == 200
        assert secret.headers["cache-control"].startswith("private")


@pytest.mark.parametrize("path", OUTLETS)
def test_a_private_album_has_none_for_strangers(server: RunningApplication, path: str) -> None:
    with server.client() as guest, server.client(server.person(f"x{abs(hash(path))}")) as other:
        assert guest.get(path.format("closed", base=server.url)).status_code == 404
        assert other.get(path.format("closed", base=server.url)).status_code == 404
        assert guest.get(path.format("absent", base=server.url)).status_code == 404


def test_every_picture_of_a_manifest_can_be_fetched(server: RunningApplication) -> None:
    with server.client() as guest:
        answer = guest.get("/api/albums/open/manifest")
        assert answer.headers["access-control-allow-origin"] == "*"
        (canvas,) = answer.json()["items"]
        body = canvas["items"][0]["items"][0]["body"]
        for url in (body["id"], canvas["thumbnail"][0]["id"]):
            got = guest.get(url)
            assert got.status_code == 200, url
            assert got.headers["access-control-allow-origin"] == "*"
        assert guest.get(body["id"]).headers["content-type"] == body["format"]
        described = guest.get(f"{body['service'][0]['id']}/info.json")
        assert (described.status_code, described.json()["width"]) == (200, 64)


def test_a_collection_s_pictures_have_a_service_too(server: RunningApplication) -> None:
    ann = server.person("ann")
    with server.client(ann) as client, server.client() as guest:
        name = make_collection(server, client, visibility="public")
        publish_file(client, name, "a.jpg", bytes(quadrants(70, 48).write_to_buffer(".jpg")))
        (canvas,) = guest.get(f"/api/albums/{name}/manifest").json()["items"]
        service = canvas["items"][0]["items"][0]["body"]["service"][0]["id"]
        assert guest.get(f"{service}/info.json").json()["width"] == 70


def test_the_embedded_page_may_be_framed_and_the_others_may_not(server: RunningApplication) -> None:
    with server.client() as guest:
        embedded = guest.get("/embed/open")
        assert "frame-ancestors *" in embedded.headers["content-security-policy"]
        assert "x-frame-options" not in embedded.headers
        assert "<form" not in embedded.text
        page = guest.get("/gallery/open", headers={"accept": "text/html"})
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_the_gallery_page_names_its_outlets_and_its_picture(server: RunningApplication) -> None:
    with server.client() as guest:
        page = guest.get("/gallery/open", headers={"accept": "text/html"}).text
        for needed in (
            'property="og:title" content="open"', f'property="og:url" content="{server.url}/gallery/open"',
            'property="og:image" content="', 'type="application/rss+xml"',
            'type="application/feed+json"', 'type="application/json+oembed"', "/api/albums/open/manifest",
        ):  # fmt: skip
            assert needed in page, needed
        hidden = guest.get("/gallery/known", headers={"accept": "text/html"}).text
        assert "og:image" not in hidden


def test_the_element_s_module_has_an_address_that_stays(server: RunningApplication) -> None:
    with server.client() as guest:
        answer = guest.get("/embed.js")
        if answer.status_code == 404:
            pytest.skip("the browser's modules are not built: python hatch_build.py")
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["access-control-allow-origin"] == "*"
        module = answer.text.split('"')[1]
        assert guest.get(module).headers["access-control-allow-origin"] == "*"


def test_only_public_albums_are_in_the_sitemap(server: RunningApplication) -> None:
    with server.client() as guest:
        ET.fromstring(guest.get("/sitemap.xml").content)
        text = guest.get("/sitemap.xml").text
        assert f"{server.url}/gallery/open" in text
        assert "closed" not in text
        assert "known" not in text
        assert "Sitemap:" in guest.get("/robots.txt").text


def test_oembed_answers_in_both_forms_and_refuses_others(server: RunningApplication) -> None:
    url = f"{server.url}/gallery/open"
    with server.client() as guest:
        answer = guest.get("/oembed", params={"url": url, "maxwidth": 320, "maxheight": 240}).json()
        assert (answer["type"], answer["width"], answer["height"]) == ("rich", 320, 240)
        root = ET.fromstring(guest.get("/oembed", params={"url": url, "format": "xml"}).content)
        assert root.findtext("type") == "rich"
        assert guest.get("/oembed", params={"url": url, "format": "yaml"}).status_code == 422
        assert guest.get("/oembed", params={"url": url, "maxwidth": "x"}).status_code == 422
        assert guest.get("/oembed").status_code == 404


def test_search_engines_are_kept_out_by_setting(tmp_path: Path) -> None:
    def change(settings: Settings) -> Settings:
        return replace(settings, pages=replace(settings.pages, robots="noindex"))

    with running_application(tmp_path, change) as server, server.client() as guest:
        assert guest.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
        assert guest.get("/sitemap.xml").status_code == 404


@pytest.mark.parametrize("path", OUTLETS)
def test_what_only_its_owner_sees_is_kept_by_no_cache(
    server: RunningApplication, path: str
) -> None:
    picture = bytes(quadrants(64, 48).write_to_buffer(".jpg"))
    owner_of = server.person(f"owner-{OUTLETS.index(path)}")
    with server.client(owner_of) as owner, server.client() as guest:
        name = make_collection(server, owner, visibility="public")
        publish_file(owner, name, "seen.jpg", picture)
        hidden = publish_file(owner, name, "hidden.jpg", picture)["id"]
        owner.patch(f"/api/files/{hidden}", json={"visibility": "private"}).raise_for_status()
        own, strangers = (one.get(path.format(name, base=server.url)) for one in (owner, guest))
    if hidden in own.text:
        assert own.headers["cache-control"].startswith("private")
    assert strangers.headers["cache-control"].startswith("public")
    assert hidden not in strangers.text
