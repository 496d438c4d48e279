"""What a picture of a folder album says of itself."""

import base64
from datetime import UTC, datetime
from pathlib import Path

from cimaise.albums.sources.folder.albums import FolderAlbums
from cimaise.jobs.base import Turn
from cimaise.jobs.folder_placeholders import make_folder_placeholders
from tests.kit.application import RunningApplication
from tests.kit.pictures import quadrants
from tests.web.test_placeholders import draw


def hang(server: RunningApplication, album: str, visibility: str = "public") -> Path:
    folder = server.application.settings.data.dir / "albums" / album
    folder.mkdir(parents=True)
    (folder / "a b.jpg").write_bytes(bytes(quadrants(240, 160).write_to_buffer(".jpg")))
    (folder / "album.toml").write_text(f'visibility = "{visibility}"\n')
    return folder


def test_a_picture_of_a_folder_tells_its_measures(server: RunningApplication) -> None:
    folder = hang(server, "open wall")
    with server.client() as guest:
        facts = guest.get("/albums/open%20wall/a%20b.jpg/info").json()
    assert (facts["width"], facts["height"], facts["format"]) == (240, 160, "jpeg")
    assert facts["size"] == (folder / "a b.jpg").stat().st_size


def test_it_tells_the_placeholder_once_there_is_one(server: RunningApplication) -> None:
    services, folder = server.application.services, hang(server, "drawn wall")
    with server.client() as guest:
        guest.get("/api/albums/drawn%20wall").raise_for_status()
        find = FolderAlbums(folder.parent).find_file
        turn = Turn(datetime.now(UTC), services.database)
        server.run(make_folder_placeholders(turn, find, draw))
        told = guest.get("/albums/drawn%20wall/a%20b.jpg/info").json()["placeholder"]
        listed = guest.get("/api/albums/drawn%20wall").json()["images"][0]["placeholder"]
    assert told == listed
    assert len(base64.b64decode(told)) >= 5


def test_nobody_learns_anything_of_a_private_folder(server: RunningApplication) -> None:
    hang(server, "closed wall", "private")
    with server.client() as guest:
        assert guest.get("/albums/closed%20wall/a%20b.jpg/info").status_code == 404


def test_what_is_no_picture_of_the_album_is_not_found(server: RunningApplication) -> None:
    hang(server, "third wall")
    with server.client() as guest:
        for name in ("none.jpg", "album.toml", "%2e%2e%2fopen%20wall"):
            assert guest.get(f"/albums/third%20wall/{name}/info").status_code == 404
