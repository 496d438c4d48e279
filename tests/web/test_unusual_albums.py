"""Folder albums of pictures that browsers do not show themselves."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.kit.application import RunningApplication, running_application
from tests.kit.pictures import decoded
from tests.kit.unusual import bmp_from_the_top, heic_of_wide_colours, tiff_of_pages

DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40">'
    b"<script>alert(1)</script><rect width='60' height='40' fill='#00f'/></svg>"
)
FILES = {
    "phone.HEIC": heic_of_wide_colours(),
    "scan.tif": tiff_of_pages(),
    "drawing.svg": DRAWING,
    "old.bmp": bmp_from_the_top(),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    data_dir: Path = tmp_path_factory.mktemp("data")
    (data_dir / "albums" / "archive").mkdir(parents=True)
    for name, body in FILES.items():
        (data_dir / "albums" / "archive" / name).write_bytes(body)
    with running_application(data_dir) as running:
        yield running


@pytest.fixture
def client(server: RunningApplication) -> Iterator[httpx2.Client]:
    with server.client() as opened:
        yield opened


@pytest.fixture
def images(client) -> dict[str, dict]:
    answer = client.get("/api/albums/archive")
    return {image["name"]: image for image in answer.json()["images"]}


def test_they_are_all_shown(images) -> None:
    assert images.keys() == FILES.keys()


@pytest.mark.parametrize("name", ["phone.HEIC", "scan.tif", "drawing.svg"])
def test_what_a_page_puts_in_is_a_picture_for_every_browser(name, client, images) -> None:
    image = images[name]
    shown = client.get(image["src"])
    assert shown.headers["content-type"] == "image/webp"
    picture = decoded(shown.content)
    assert (picture.width, picture.height) == (image["bigWidth"], image["bigHeight"])


def test_what_every_browser_shows_stays_as_it_is(client, images) -> None:
    assert client.get(images["old.bmp"]["src"]).content == FILES["old.bmp"]


@pytest.mark.parametrize("name", FILES)
def test_the_file_itself_can_be_kept(name, client, images) -> None:
    kept = client.get(images[name]["download"])
    assert kept.content == FILES[name]
    assert kept.headers["content-disposition"].startswith("attachment")


def test_a_drawing_with_a_script_is_never_sent_as_one(client) -> None:
    answer = client.get("/albums/archive/drawing.svg")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_the_gallery_page_leads_to_the_variant(client) -> None:
    page = client.get("/gallery/archive").text
    assert 'href="/albums/archive/phone.HEIC"' not in page
    assert 'href="/resize?url=/albums/archive/phone.HEIC&amp;width=' in page
