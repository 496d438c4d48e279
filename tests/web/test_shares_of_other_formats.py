"""Shared originals of formats whose private metadata cannot be taken out."""

import io
import zipfile
from collections.abc import Iterator

import httpx2
import pytest
import pyvips

from tests.kit.application import Person, RunningApplication
from tests.kit.private_pictures import PLACE, SERIAL, exif, jpeg_with, segment
from tests.kit.sending import make_collection, publish_file

HTML = {"accept": "text/html,*/*;q=0.8"}
JPEG = jpeg_with(segment(0xE1, b"Exif\0\0" + exif()))
TIFF = bytes(pyvips.Image.black(40, 30, bands=3).tiffsave_buffer())


@pytest.fixture
def owner(server: RunningApplication, ann: Person) -> Iterator[httpx2.Client]:
    with server.client(ann) as client:
        yield client


def share_originals(owner: httpx2.Client, album: str) -> str:
    made = owner.post(f"/api/albums/{album}/shares", json={"downloads": "original"}).json()
    return f"/s/{made['token']}"


def test_such_a_picture_is_given_at_web_size_and_the_archive_holds_the_others(
    server: RunningApplication, owner: httpx2.Client
) -> None:
    album = make_collection(server, owner, visibility="private")
    publish_file(owner, album, "walk.jpg", JPEG)
    tiff = publish_file(owner, album, "scan.tiff", TIFF)
    base = share_originals(owner, album)
    with server.client() as guest:
        got = guest.get(f"{base}/downloads/{tiff['id']}")
        assert (got.status_code, got.headers["content-type"]) == (200, "image/jpeg")
        assert "scan.jpg" in got.headers["content-disposition"]
        packed = guest.get(f"{base}/archive.zip")
        assert packed.status_code == 200
        with zipfile.ZipFile(io.BytesIO(packed.content)) as opened:
            assert opened.namelist() == ["walk.jpg", "LEFT-OUT.txt"]
            told = opened.read("LEFT-OUT.txt").decode()
            assert "private metadata" in told
            assert told.endswith("\r\n\r\nscan.tiff\r\n")
            assert PLACE not in opened.read("walk.jpg")
            assert SERIAL not in opened.read("walk.jpg")


def test_what_says_that_files_were_left_out_goes_on_where_it_stopped_and_ends_with_the_share(
    server: RunningApplication, owner: httpx2.Client
) -> None:
    album = make_collection(server, owner, visibility="private")
    publish_file(owner, album, "walk.jpg", JPEG)
    publish_file(owner, album, "scan.tiff", TIFF)
    made = owner.post(f"/api/albums/{album}/shares", json={"downloads": "original"}).json()
    where = f"/s/{made['token']}/archive.zip"
    with server.client() as guest:
        whole = guest.get(where)
        assert int(whole.headers["content-length"]) == len(whole.content)
        at = whole.content.index(b"These files of the album")
        headers = {"range": f"bytes={at}-", "if-range": whole.headers["etag"]}
        rest = guest.get(where, headers=headers)
        assert (rest.status_code, rest.content) == (206, whole.content[at:])
        owner.delete(f"/api/shares/{made['id']}").raise_for_status()
        assert guest.get(where, headers=headers).status_code == 410


def test_the_page_says_what_the_archive_leaves_out(
    server: RunningApplication, owner: httpx2.Client
) -> None:
    album = make_collection(server, owner, visibility="private")
    publish_file(owner, album, "walk.jpg", JPEG)
    with server.client() as guest:
        where = share_originals(owner, album)
        assert f'href="{where}/left-out"' in guest.get(where, headers=HTML).text
        told = guest.get(f"{where}/left-out", headers=HTML)
        assert (told.status_code, told.headers["x-robots-tag"]) == (200, "noindex")
        assert "Nothing: the archive holds the only picture" in told.text
        scan = publish_file(owner, album, "scan & co.tiff", TIFF)
        told = guest.get(f"{where}/left-out", headers=HTML)
        assert "The archive holds 1 picture," in told.text
        assert "<li><span>scan &amp; co.tiff</span>" in told.text
        assert "walk.jpg" not in told.text
        assert f'href="{where}/downloads/{scan["id"]}"' in told.text
        assert guest.get(f"{where}/downloads/{scan['id']}").status_code == 200
        made = owner.post(f"/api/albums/{album}/shares", json={"downloads": "web"}).json()
        page = guest.get(f"/s/{made['token']}", headers=HTML).text
        assert "there is no archive" in page
        assert "archive.zip" not in page
        assert "left-out" not in page
        refused = guest.get(f"/s/{made['token']}/left-out", headers=HTML)
        assert refused.status_code == 403


def test_an_archive_of_nothing_but_such_pictures_is_refused(
    server: RunningApplication, owner: httpx2.Client
) -> None:
    album = make_collection(server, owner, visibility="private")
    publish_file(owner, album, "scan.tiff", TIFF)
    with server.client() as guest:
        assert guest.get(f"{share_originals(owner, album)}/archive.zip").status_code == 403


def test_a_browser_reads_a_page_where_there_is_nothing_to_keep(
    server: RunningApplication, owner: httpx2.Client
) -> None:
    album = make_collection(server, owner, visibility="private")
    tiff = publish_file(owner, album, "scan.tiff", TIFF)
    path, cases = f"/api/albums/{album}/shares", (
        ({"downloads": "original"}, "archive.zip", "no file of this album can be given"),
        ({"downloads": "web"}, "archive.zip", "there is no archive of originals"),
        ({"downloads": "none"}, f"downloads/{tiff['id']}", "to be looked at only"),
    )  # fmt: skip
    with server.client() as guest:
        for terms, name, told in cases:
            token = owner.post(path, json=terms).json()["token"]
            answer = guest.get(f"/s/{token}/{name}", headers=HTML)
            assert answer.status_code == 403
            assert answer.headers["content-type"].startswith("text/html")
            assert told in answer.text
            assert f'href="/s/{token}"' in answer.text
            assert "content-disposition" not in answer.headers
            assert guest.get(f"/s/{token}/{name}").json()["code"] == "forbidden"
        made = owner.post(path, json={"downloads": "original", "password": "open sesame"}).json()
        asked = guest.get(f"/s/{made['token']}/archive.zip", headers=HTML)
        assert (asked.status_code, 'type="password"' in asked.text) == (401, True)
        assert f'action="/s/{made["token"]}"' in asked.text
        owner.delete(f"/api/shares/{made['id']}").raise_for_status()
        gone = guest.get(f"/s/{made['token']}/archive.zip", headers=HTML)
        assert (gone.status_code, "<h1>" in gone.text) == (410, True)
