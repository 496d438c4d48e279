"""Generated pictures for a server that has none."""

import json
from pathlib import Path

import pytest

from cimaise.cli import demo_pictures
from cimaise.cli.demo_pictures import DEMO_ALBUMS
from tests.cli.conftest import Cimaise


@pytest.fixture(autouse=True)
def _draws_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How pictures are drawn is tested beside the pictures."""
    monkeypatch.setattr(demo_pictures, "draw_picture", lambda *_args, **_more: b"a picture")


def test_the_albums_are_made_in_the_data_folder(cimaise: Cimaise, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    result = cimaise("demo", "--data-dir", str(elsewhere))
    assert result.exit_code == 0, result.output
    folders = {folder.name for folder in (elsewhere / "albums").iterdir()}
    assert folders == {album.name for album in DEMO_ALBUMS}
    assert "Made 24 pictures" in result.stdout
    assert len(result.stderr.splitlines()) == 24


def test_a_second_time_it_changes_nothing_and_says_so(cimaise: Cimaise):
    assert len(json.loads(cimaise("demo", "--json").stdout)["made"]) == 24
    assert json.loads(cimaise("demo", "--json").stdout)["made"] == []
    result = cimaise("demo")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "already" in result.stdout


def test_a_folder_that_cannot_be_written_is_one_clear_line(cimaise: Cimaise, tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "albums").write_text("a file")
    result = cimaise("demo")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
