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
            assert opened.namelist() == ["walk.jpg"]
            assert PLACE not in opened.read("walk.jpg")
            assert SERIAL not in opened.read("walk.jpg")


def test_an_archive_of_nothing_but_such_pictures_is_refused(
    server: RunningApplication, owner: httpx2.Client
) -> None:
    album = make_collection(server, owner, visibility="private")
    publish_file(owner, album, "scan.tiff", TIFF)
    with server.client() as guest:
        assert guest.get(f"{share_originals(owner, album)}/archive.zip").status_code == 403
