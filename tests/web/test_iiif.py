"""IIIF pictures from a real server: the official validator, and what it does not ask."""

from collections.abc import Iterator
from ctypes.util import find_library
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pyvips

from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.backends import left_out
from tests.kit.iiif import reference_picture, validate
from tests.kit.pictures import corner_names, decoded, quadrants

IN_ALBUM = "albums%2Fiiif%2Fa-b.png"


@dataclass
class Library:
    """A server with the reference picture, stored and in an album, and a private picture."""

    server: RunningApplication
    ann: Person
    bob: Person
    stored: str
    private: str

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return httpx2.get(f"{self.server.url}/iiif/{path}", headers=headers)


def upload(server: RunningApplication, person: Person, collection: str, body: bytes) -> str:
    with server.client(person) as client:
        made = client.put(f"/api/collections/{collection}/files/picture.png", content=body)
        made.raise_for_status()
        return str(made.json()["id"])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    data_dir = tmp_path_factory.mktemp("data")
    folder = data_dir / "albums" / "iiif"
    folder.mkdir(parents=True)
    (folder / "a-b.png").write_bytes(reference_picture())
    turned = quadrants(80, 60).copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    (folder / "turned.jpg").write_bytes(turned.write_to_buffer(".jpg", Q=95))
    with running_application(data_dir) as server:
        ann, bob = server.person("ann"), server.person("bob")
        with server.client(ann) as client:
            client.post("/api/collections", json={"name": "own", "visibility": "private"})
        yield Library(
            server,
            ann,
            bob,
            upload(server, ann, "inbox", reference_picture()),
            upload(server, ann, "own", bytes(quadrants(640, 480).write_to_buffer(".png"))),
        )


@pytest.mark.slow
@pytest.mark.parametrize(("version", "tests"), [(3, 33), (2, 30)])
def test_the_official_validator_passes_every_test_to_level_2(
    library: Library, version: int, tests: int
):
    if find_library("magic") is None:
        left_out("libmagic, which the validator needs, is not installed")
    for identifier in (library.stored, IN_ALBUM):
        verdict = validate(library.server.url, identifier, version)
        assert (verdict.tests, verdict.failures) == (tests, 0), verdict.text


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", ["stored", "album"])
def test_the_address_itself_leads_to_the_description(library: Library, version: int, name: str):
    identifier = library.stored if name == "stored" else IN_ALBUM
    answer = library.get(f"{version}/{identifier}")
    base = f"{library.server.url}/iiif/{version}/{identifier}"
    assert (answer.status_code, answer.headers["location"]) == (303, f"{base}/info.json")
    info = library.get(f"{version}/{identifier}/info.json").json()
    assert info["@id" if version == 2 else "id"] == base
    assert (info["width"], info["height"]) == (1000, 1000)


def test_the_description_names_itself_by_the_host_that_was_asked(library: Library):
    answer = library.get(f"3/{library.stored}/info.json", host="pictures.example:8443")
    assert answer.json()["id"] == f"http://pictures.example:8443/iiif/3/{library.stored}"
    answer = library.get(f"3/{library.stored}/info.json", host="evil/<script>")
    assert answer.json()["id"].startswith(library.server.url)


@pytest.mark.parametrize(
    ("version", "accept", "expected"),
    [
        (3, None, 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'),
        (3, "*/*", 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'),
        (3, "application/json", "application/json"),
        (3, "application/json, application/ld+json", "application/ld+json;"),
        (2, None, "application/json"),
        (2, "*/*", "application/json"),
        (2, "application/ld+json", "application/ld+json"),
    ],
)
def test_the_type_of_the_description_follows_accept(
    library: Library, version: int, accept: str | None, expected: str
):
    headers = {"accept": accept} if accept else {}
    request = httpx2.Request(
        "GET", f"{library.server.url}/iiif/{version}/{library.stored}/info.json", headers=headers
    )
    with httpx2.Client() as client:
        answer = client.send(request)
    assert answer.headers["content-type"].startswith(expected)
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["access-control-allow-origin"] == "*"
    if answer.headers["content-type"] == "application/json":
        assert "json-ld#context" in answer.headers["link"]


def test_a_picture_names_its_canonical_address_and_the_profile(library: Library):
    answer = library.get(f"3/{library.stored}/pct:0,0,50,50/,100/!90.0/gray.png")
    assert answer.status_code == 200
    base = f"{library.server.url}/iiif/3/{library.stored}"
    assert answer.headers["link"] == (
        '<http://iiif.io/api/image/3/level2.json>;rel="profile", '
        f'<{base}/0,0,500,500/100,100/!90/gray.png>;rel="canonical"'
    )
    assert answer.headers["content-type"] == "image/png"
    again = httpx2.get(f"{base}/0,0,500,500/100,100/!90/gray.png")
    assert again.headers["etag"] == answer.headers["etag"]
    known = library.get(
        f"3/{library.stored}/pct:0,0,50,50/,100/!90.0/gray.png",
        **{"if-none-match": answer.headers["etag"]},
    )
    assert known.status_code == 304


def test_regions_and_sizes_are_of_the_upright_picture(library: Library):
    info = library.get("3/albums%2Fiiif%2Fturned.jpg/info.json").json()
    assert (info["width"], info["height"]) == (60, 80)
    upright = decoded(library.get("3/albums%2Fiiif%2Fturned.jpg/full/max/0/default.png").content)
    assert (upright.width, upright.height) == (60, 80)
    assert corner_names(upright) == "brgw"
    part = library.get("3/albums%2Fiiif%2Fturned.jpg/0,0,30,40/max/0/default.png")
    corners = set(corner_names(decoded(part.content)))
    assert corners == {corner_names(upright)[0]}


def test_a_mirrored_picture_is_mirrored_before_it_is_turned(library: Library):
    with library.server.client(library.ann) as client:
        turned = client.get(f"/iiif/3/{library.private}/full/max/90/default.png")
        mirrored = client.get(f"/iiif/3/{library.private}/full/max/!90/default.png")
    assert corner_names(decoded(turned.content)) == "brgw"
    assert corner_names(decoded(mirrored.content)) == "wgrb"


def test_other_angles_show_what_lies_behind(library: Library):
    found = library.get(f"3/{library.stored}/full/100,/45/default.png")
    picture = decoded(found.content)
    assert abs(picture.width - 141) <= 2
    assert picture.getpoint(0, 0)[3] == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("full/max/0/default.gif", 400),
        ("full/max/0/default.jp2", 400),
        ("full/max/0/native.jpg", 400),
        ("full/full/0/default.jpg", 400),
        ("full/max/361/default.jpg", 400),
        ("1000,0,10,10/max/0/default.jpg", 400),
        ("full/^3000,/0/default.jpg", 400),
        ("full/1001,/0/default.jpg", 400),
        ("<>^\\`[]/max/0/default.jpg", 400),
    ],
)
def test_errors_say_what_is_wrong_in_the_one_shape(library: Library, path: str, status: int):
    answer = library.get(f"3/{library.stored}/{path}")
    assert answer.status_code == status
    assert set(answer.json()) >= {"error", "code", "request_id"}
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "path", ["full/max/0/default", "full/max/0", "full/max/0/default.jpg/more"]
)
def test_what_is_no_request_of_the_image_api_is_not_found(library: Library, path: str):
    assert library.get(f"3/{library.stored}/{path}").status_code == 404


@pytest.mark.parametrize(
    "identifier",
    ["nothing", "a%2Fb", "a/b", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "albums%2Fiiif%2F..", "%ff", "%00",
     "albums%2F..%2Fcimaise.db", "albums%2Fiiif%2Fa-b.png%2F", "[frob]", "albums/iiif/a-b.png"],
)  # fmt: skip
def test_an_unknown_identifier_is_not_found(library: Library, identifier: str):
    for path in ("info.json", "full/max/0/default.jpg"):
        assert library.get(f"3/{identifier}/{path}").status_code == 404, path


def test_characters_may_be_encoded_that_need_not_be(library: Library):
    answer = library.get("3/albums%2Fiiif%2Fa%2Db.png/pct%3A0%2C0%2C10%2C10/max/0/default.jpg")
    assert answer.status_code == 200
    info = library.get("3/%61lbums%2fiiif%2Fa%2Db.png/info.json").json()
    assert info["id"].endswith(f"/iiif/3/{IN_ALBUM}")


@pytest.mark.parametrize("path", ["info.json", "full/max/0/default.jpg", ""])
def test_a_private_picture_is_shown_to_those_who_may_see_its_original(library: Library, path: str):
    address = f"/iiif/3/{library.private}/{path}".rstrip("/")
    assert httpx2.get(library.server.url + address).status_code == 401
    with library.server.client(library.bob) as client:
        assert client.get(address).status_code == 403
    with library.server.client(library.ann) as client:
        answer = client.get(address)
    assert answer.status_code == (200 if path else 303)
    if path:
        assert answer.headers["cache-control"] == "private, max-age=3600"
        assert answer.headers["x-robots-tag"] == "noindex"


def test_a_link_to_a_private_picture_opens_its_description_too(library: Library):
    with library.server.client(library.ann) as client:
        link = client.post(f"/api/files/{library.private}/links", json={}).json()["url"]
    token = link.partition("link=")[2]
    answer = library.get(f"3/{library.private}/info.json?link={token}")
    assert answer.status_code == 200


def test_head_and_options_are_answered(library: Library):
    address = f"{library.server.url}/iiif/3/{library.stored}/full/200,/0/default.jpg"
    head = httpx2.head(address)
    assert (head.status_code, head.content) == (200, b"")
    asked = {"origin": "https://viewer.example", "access-control-request-method": "GET"}
    options = httpx2.options(address, headers=asked)
    assert options.headers["access-control-allow-origin"] == "*"
    assert "GET" in options.headers["access-control-allow-methods"]


def test_without_free_choice_only_what_is_described_is_made(tmp_path: Path):
    def narrow(settings: Any) -> Any:
        return replace(settings, images=replace(settings.images, policy="presets"))

    with running_application(tmp_path, narrow) as server:
        ann = server.person("ann")
        file_id = upload(server, ann, "inbox", reference_picture())
        base = f"{server.url}/iiif/3/{file_id}"
        info = httpx2.get(f"{base}/info.json").json()
        assert info["profile"] == "level0"
        for size in info["sizes"]:
            path = f"full/{size['width']},{size['height']}/0/default.jpg"
            assert httpx2.get(f"{base}/{path}").status_code == 200
        assert httpx2.get(f"{base}/512,0,488,512/488,512/0/default.jpg").status_code == 200
        for path in ("full/333,/0/default.jpg", "full/max/90/default.jpg", "full/max/0/gray.jpg"):
            answer = httpx2.get(f"{base}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


def test_nobody_is_given_an_address_that_another_client_made_up(library: Library):
    path = f"3/{library.stored}/full/31,/0/default.jpg"
    for _ in range(3):
        theirs = library.get(path, Host="elsewhere.example")
        assert theirs.status_code == 200
    ours = library.get(path)
    canonical = f"<{library.server.url}/iiif/3/{library.stored}/full/31,31/0/default.jpg>"
    assert canonical in ours.headers["link"]
