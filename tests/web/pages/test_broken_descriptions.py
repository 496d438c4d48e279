"""A folder whose ``album.toml`` cannot be read: administrators are told on their pages, nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.pictures import quadrants

HTML = {"accept": "text/html"}
BROKEN = 'title = "Lakes\n'


@pytest.fixture(scope="module")
def albums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A broken album, a whole one, and one in a broken folder that holds no pictures."""
    albums = tmp_path_factory.mktemp("data") / "albums"
    for place in ("lakes", "hills", "years/2024"):
        (albums / place).mkdir(parents=True)
        picture = bytes(quadrants(80, 60).write_to_buffer(".jpg"))
        (albums / place / "a.jpg").write_bytes(picture)
    (albums / "lakes" / "album.toml").write_text(BROKEN)
    (albums / "years" / "album.toml").write_text("colour = 3\n")
    (albums / "hills" / "album.toml").write_text('visibility = "public"\n')
    return albums


@pytest.fixture(scope="module")
def server(albums: Path) -> Iterator[RunningApplication]:
    with running_application(albums.parent) as running:
        yield running


def test_administrators_are_told_which_and_what_is_wrong(
    server: RunningApplication, root: Person, ann: Person
) -> None:
    with server.client(root) as admin, server.client(ann) as member:
        overview = admin.get("/admin", headers=HTML).text
        assert "Descriptions that cannot be read" in overview
        assert 'href="/gallery/lakes"' in overview
        assert "line 1" in overview
        assert 'href="/gallery/years"' in overview
        assert "colour" in overview
        assert 'href="/gallery/hills"' not in overview
        gallery = admin.get("/gallery/lakes", headers=HTML)
        assert gallery.status_code == 200
        assert "cannot be read, so it is private" in gallery.text
        assert "cannot be read" not in admin.get("/gallery/hills", headers=HTML).text
        assert member.get("/gallery/lakes", headers=HTML).status_code == 404


def test_a_repaired_description_is_told_of_no_more(
    server: RunningApplication, albums: Path, root: Person, ann: Person
) -> None:
    with server.client(root) as admin, server.client(ann) as member:
        description = albums / "lakes" / "album.toml"
        description.write_text('title = "Lakes and hills"\n')
        assert "cannot be read" not in admin.get("/gallery/lakes", headers=HTML).text
        assert member.get("/gallery/lakes", headers=HTML).status_code == 200
        (albums / "years" / "album.toml").unlink()
        assert "Descriptions that cannot be read" not in admin.get("/admin", headers=HTML).text
