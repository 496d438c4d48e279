"""What a picture of a folder album says of itself."""

from pathlib import Path

from tests.kit.application import RunningApplication
from tests.kit.pictures import quadrants


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


def test_nobody_learns_anything_of_a_private_folder(server: RunningApplication) -> None:
    hang(server, "closed wall", "private")
    with server.client() as guest:
        assert guest.get("/albums/closed%20wall/a%20b.jpg/info").status_code == 401


def test_what_is_no_picture_of_the_album_is_not_found(server: RunningApplication) -> None:
    hang(server, "third wall")
    with server.client() as guest:
        for name in ("none.jpg", "album.toml", "%2e%2e%2fopen%20wall"):
            assert guest.get(f"/albums/third%20wall/{name}/info").status_code == 404
