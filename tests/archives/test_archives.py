"""Albums, collections and selections as ZIP archives, as clients see them."""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import delete, select

from cimaise.database.schema import checksums
from tests.delivery.conftest import on_s3
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.backends import further, left_out
from tests.kit.bodies import content
from tests.kit.pictures import quadrants
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.sending import make_collection, publish_file

PICTURE = bytes(quadrants(30, 20).write_to_buffer(".png"))
NAMES = ("写真 été.png", "plain.png", "plain.png", "PLAIN.png", "a'b\"c.png", "مرحبا.png")
UNPACKERS = {
    "unzip": ["unzip", "-qq", "-d", "{to}", "{zip}"],
    "7z": ["7z", "x", "-bso0", "-bsp0", "-o{to}", "{zip}"],
    "bsdtar": ["bsdtar", "-xf", "{zip}", "-C", "{to}"],
    "bsdtar from a pipe": ["sh", "-c", "cat {zip} | bsdtar -xf - -C {to}"],
}


@pytest.fixture(scope="module", params=["disk", *further("s3")])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApplication]:
    data_dir = tmp_path_factory.mktemp("archives")
    album = data_dir / "albums" / "hung"
    album.mkdir(parents=True)
    for name in ("b.png", "ä.png"):
        (album / name).write_bytes(PICTURE)
    if request.param == "disk":
        with running_application(data_dir) as running:
            yield running
        return
    swift: S3Server = request.getfixturevalue("swift")
    bucket = make_bucket(swift, f"archives-{data_dir.name}".lower())
    with running_application(data_dir, on_s3(swift, bucket)) as running:
        yield running


@pytest.fixture(scope="module")
def ann(server: RunningApplication) -> Person:
    return server.person("ann")


@pytest.fixture(scope="module")
def bob(server: RunningApplication) -> Person:
    return server.person("bob")


@pytest.fixture(scope="module")
def filled(server: RunningApplication, ann: Person) -> tuple[str, list[dict]]:
    """A collection of pictures with names that are hard, and something that is no picture."""
    with server.client(ann) as client:
        name = make_collection(server, client, visibility="public")
        files = [publish_file(client, name, one, PICTURE) for one in NAMES]
        files.append(publish_file(client, name, "noise.bin", content(300_000)))
    return name, files


def unpacked(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return {one.filename: archive.read(one) for one in archive.infolist()}


def test_a_collection_comes_whole_with_its_length_and_etag(
    server: RunningApplication, filled: tuple[str, list[dict]]
):
    with server.client() as guest:
        answer = guest.get(f"/api/collections/{filled[0]}/zip")
        head = guest.head(f"/api/collections/{filled[0]}/zip")
        again = guest.get(
            f"/api/collections/{filled[0]}/zip", headers={"If-None-Match": answer.headers["etag"]}
        )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-disposition"] == f'attachment; filename="{filled[0]}.zip"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert not answer.headers["etag"].startswith("W/")
    for name in ("content-length", "etag", "content-type", "content-disposition"):
        assert head.headers[name] == answer.headers[name]
    assert (again.status_code, again.content) == (304, b"")
    found = unpacked(answer.content)
    assert found.pop("noise.bin") == content(300_000)
    assert len(found) == len(NAMES)
    assert set(found.values()) == {PICTURE}
    assert {"写真 été.png", "مرحبا.png"} <= set(found)
    assert len({name.casefold() for name in found}) == len(NAMES)


def test_an_album_has_the_pictures_only(server: RunningApplication, filled: tuple[str, list[dict]]):
    with server.client() as guest:
        of_collection = unpacked(guest.get(f"/api/albums/{filled[0]}/zip").content)
        of_folder = unpacked(guest.get("/api/albums/hung/zip").content)
        chosen = unpacked(guest.get("/api/albums/hung/zip", params={"file": "ä.png"}).content)
    assert len(of_collection) == len(NAMES)
    assert of_folder == {"b.png": PICTURE, "ä.png": PICTURE}
    assert chosen == {"ä.png": PICTURE}


def test_a_selection_has_what_it_names_in_order(
    server: RunningApplication, filled: tuple[str, list[dict]]
):
    ids = [filled[1][-1]["id"], filled[1][0]["id"], filled[1][0]["id"]]
    with server.client() as guest:
        answer = guest.get("/api/zip", params={"file": ids})
        within = guest.get(f"/api/collections/{filled[0]}/zip", params={"file": ids})
    assert list(unpacked(answer.content)) == ["noise.bin", "写真 été.png"]
    assert within.content == answer.content


@pytest.mark.parametrize("step", [1000, 65_537])
def test_pieces_fetched_by_ranges_are_the_whole(
    server: RunningApplication, filled: tuple[str, list[dict]], step: int
):
    url = f"/api/collections/{filled[0]}/zip"
    with server.client() as guest:
        whole = guest.get(url)
        size, etag = len(whole.content), whole.headers["etag"]
        for start in [*range(0, size, step)][:3] + [*range(0, size, step)][-12:]:
            headers = {"Range": f"bytes={start}-{start + step - 1}", "If-Range": etag}
            answer = guest.get(url, headers=headers)
            assert answer.status_code == 206
            assert answer.content == whole.content[start : start + step]
        parts = guest.get(url, headers={"Range": "bytes=0-9,-22"})
    assert parts.headers["content-type"].startswith("multipart/byteranges")
    assert whole.content[-22:] in parts.content


def test_the_end_of_an_archive_that_was_never_sent_is_the_same(
    server: RunningApplication, filled: tuple[str, list[dict]]
):
    """Whoever resumes at another server, or after everything was forgotten, gets the same bytes."""
    url = f"/api/collections/{filled[0]}/zip"
    database = server.application.services.database
    with server.client() as guest:
        whole = guest.get(url).content
        server.run(database.write(lambda connection: connection.execute(delete(checksums))))
        tail = guest.get(url, headers={"Range": "bytes=-600"})
    assert tail.content == whole[-600:]


def test_checksums_are_taken_once(server: RunningApplication, filled: tuple[str, list[dict]]):
    database = server.application.services.database
    taken = select(checksums.c.version, checksums.c.taken_at)

    def rows() -> list:
        return server.run(database.read(lambda connection: list(connection.execute(taken))))

    with server.client() as guest:
        guest.get(f"/api/collections/{filled[0]}/zip")
        before = rows()
        guest.get(f"/api/collections/{filled[0]}/zip")
    assert rows() == before
    assert len(before) >= len(filled[1])


def test_what_may_not_be_seen_is_not_in_it(
    server: RunningApplication, ann: Person, bob: Person, filled: tuple[str, list[dict]]
):
    with server.client(ann) as client:
        secret = publish_file(client, filled[0], "secret.bin", b"secret", visibility="private")
        mine = unpacked(client.get(f"/api/collections/{filled[0]}/zip").content)
    with server.client(bob) as stranger, server.client() as guest:
        theirs = unpacked(stranger.get(f"/api/collections/{filled[0]}/zip").content)
        named = stranger.get("/api/zip", params={"file": secret["id"]})
        asked = guest.get("/api/zip", params={"file": secret["id"]})
    assert "secret.bin" in mine
    assert "secret.bin" not in theirs
    assert named.status_code == 403
    assert asked.status_code == 401


def test_refusals(server: RunningApplication, ann: Person, filled: tuple[str, list[dict]]):
    with server.client(ann) as client:
        elsewhere = client.post(
            f"/api/collections/{make_collection(server, client)}/files",
            json={"external_url": "https://example.org/x", "title": "x"},
        ).json()
        statuses = {
            url: client.get(url).status_code
            for url in (
                "/api/zip",
                "/api/zip?file=nothing",
                f"/api/zip?file={elsewhere['id']}",
                "/api/albums/nothing/zip",
                "/api/albums/hung/zip?file=nothing.png",
                "/api/albums/hung/zip?file=..%2F..%2Fcimaise.db",
                "/api/collections/nothing/zip",
                f"/api/collections/{filled[0]}/zip?file={elsewhere['id']}",
            )
        }
    assert list(statuses.values()) == [422, *[404] * 7], statuses


def test_a_file_that_is_deleted_while_it_is_packed_breaks_the_transfer(
    server: RunningApplication, ann: Person
):
    """Rights and presence are asked for each file at its turn: what is gone is never sent."""
    with server.client(ann) as client:
        name = make_collection(server, client)
        old = publish_file(client, name, "old.bin", content(100_000))
        publish_file(client, name, "new.bin", content(40 * 1024 * 1024))
        with (
            pytest.raises(httpx2.RemoteProtocolError),
            client.stream("GET", f"/api/collections/{name}/zip") as answer,
        ):
            assert answer.status_code == 200
            chunks = answer.iter_raw(1024)
            next(chunks)
            with server.client(ann) as other:
                assert other.delete(f"/api/files/{old['id']}").status_code == 204
            for _ in chunks:
                pass


@pytest.mark.parametrize("unpacker", UNPACKERS)
def test_other_programs_unpack_it(
    server: RunningApplication, filled: tuple[str, list[dict]], tmp_path: Path, unpacker: str
):
    if shutil.which(unpacker.split(maxsplit=1)[0]) is None:
        left_out(f"{unpacker} is not installed")
    target, packed = tmp_path / "to", tmp_path / "album.zip"
    target.mkdir()
    with server.client() as guest:
        body = guest.get(f"/api/collections/{filled[0]}/zip").content
    packed.write_bytes(body)
    command = [word.format(to=target, zip=packed) for word in UNPACKERS[unpacker]]
    done = subprocess.run(
        command, capture_output=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    )
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in target.iterdir()} == unpacked(body)
