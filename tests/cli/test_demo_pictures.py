import tomllib
from datetime import UTC, datetime, timedelta

import pytest

from cimaise.albums.sources.folder.description import Description
from cimaise.cli import demo_pictures
from cimaise.cli.demo_pictures import DEMO_ALBUMS, make_demo_albums

NOW = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)


@pytest.fixture
def drawn(monkeypatch) -> list[tuple[int, int, int, str]]:
    """What was drawn; drawing itself is tested where it is done."""
    calls: list[tuple[int, int, int, str]] = []

    def draw(seed: int, width: int, height: int, *, style: str) -> bytes:
        calls.append((seed, width, height, style))
        return f"{seed} {style}".encode()

    monkeypatch.setattr(demo_pictures, "draw_picture", draw)
    return calls


def test_two_albums_of_twelve_pictures_in_several_shapes_are_made(tmp_path, drawn):
    made = make_demo_albums(tmp_path / "albums", now=NOW)
    assert len(made) == len(drawn) == 24
    assert len(set(drawn)) == 24
    assert {style for *_, style in drawn} == {"dunes", "nocturnes"}
    sizes = [(width, height) for _, width, height, _ in drawn]
    assert any(width > height for width, height in sizes)
    assert any(width < height for width, height in sizes)
    assert all(min(size) >= 1200 and 1600 <= max(size) <= 2400 for size in sizes)


def test_every_picture_has_a_caption_and_every_album_a_title_and_a_cover(tmp_path, drawn):
    make_demo_albums(tmp_path, now=NOW)
    for album in DEMO_ALBUMS:
        pictures = {path.name for path in (tmp_path / album.name).glob("*.jpg")}
        said = tomllib.loads((tmp_path / album.name / "album.toml").read_text())
        assert set(said) <= set(Description.__struct_fields__)
        assert said["title"] == album.title
        assert said["cover"] in pictures
        assert set(said["captions"]) == pictures
        assert all(said["captions"].values())


def test_dates_are_spread_over_the_weeks_before(tmp_path, drawn):
    for path in make_demo_albums(tmp_path, now=NOW):
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        assert NOW - timedelta(days=60) < changed < NOW
    days = {path.stat().st_mtime // 86400 for path in tmp_path.glob("*/*.jpg")}
    assert len(days) > 15


def test_a_second_run_draws_only_what_is_missing_and_changes_nothing(tmp_path, drawn):
    made = make_demo_albums(tmp_path, now=NOW)
    made[3].unlink()
    made[5].write_text("somebody's own")
    (made[0].parent / "album.toml").write_text('title = "Mine"')
    told: list[str] = []
    again = make_demo_albums(tmp_path, now=NOW, on_picture=lambda path: told.append(path.name))
    assert list(again) == [made[3]]
    assert told == [made[3].name]
    assert made[5].read_text() == "somebody's own"
    assert (made[0].parent / "album.toml").read_text() == 'title = "Mine"'
    assert not list(tmp_path.glob("*/.*"))


def test_another_seed_draws_other_pictures(tmp_path, drawn):
    make_demo_albums(tmp_path / "a", now=NOW)
    first = set(drawn)
    drawn.clear()
    make_demo_albums(tmp_path / "b", 1, now=NOW)
    assert not first & set(drawn)
