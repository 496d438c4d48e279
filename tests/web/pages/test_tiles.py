"""Pictures on the wall: proportions as classes, sizes to choose from, nobody else's address."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.albums.model import Picture, Rendition
from cimaise.web.assets import FOLDER
from cimaise.web.pages.tiles import Site, make_tile, ratio_classes, shown_ratio

PICTURE = Picture(
    name="a.jpg",
    src="/albums/x/a.jpg",
    thumb="/resize?url=/albums/x/a.jpg&width=500",
    caption="",
    dated_at=datetime(2026, 3, 9, tzinfo=UTC),
    width=3000,
    height=2000,
    thumb_width=500,
    thumb_height=333,
    download="/albums/x/a.jpg?download=1",
    renditions=(Rendition("/r480", 480), Rendition("/r960", 960), Rendition("/r2560", 2560)),
)


@given(width=st.integers(1, 100_000), height=st.integers(1, 100_000))
def test_the_style_sheet_knows_every_class_and_they_add_up_to_the_ratio(
    width: int, height: int
) -> None:
    sheet = (FOLDER / "gallery.css").read_text()
    rules = {name: float(value) for name, value in re.findall(r"\.([uth]\d) { --[uth]: ([\d.]+); }", sheet)}  # fmt: skip
    ratio = shown_ratio(width, height)
    names = ratio_classes(ratio).split()
    assert all(name in rules or name.endswith("0") for name in names)
    assert sum(rules.get(name, 0) for name in names) == pytest.approx(ratio, abs=0.006)


def test_the_small_picture_and_all_that_are_clearly_wider_are_offered() -> None:
    tile = make_tile(PICTURE, "X")
    assert tile.srcset == f"{PICTURE.thumb} 500w, /r960 960w, /r2560 2560w"
    assert tile.large == "/r2560"
    assert tile.large_srcset == "/r480 480w, /r960 960w, /r2560 2560w"
    assert tile.download == "/albums/x/a.jpg?download=1"
    assert tile.alt == "Gallery: X"


def test_a_picture_without_renditions_is_shown_as_it_is() -> None:
    tile = make_tile(replace(PICTURE, renditions=()), "X")
    assert tile.srcset == tile.large_srcset == ""
    assert tile.large == PICTURE.src


def test_only_a_picture_larger_than_its_variants_is_described_in_tiles() -> None:
    large = replace(PICTURE, src="/albums/x%20y/a.jpg", width=2561)
    assert make_tile(large, "X").tiles == "/iiif/3/albums%2Fx%20y%2Fa.jpg/info.json"
    assert make_tile(replace(large, id="Fx1"), "X").tiles == "/iiif/3/Fx1/info.json"
    assert make_tile(replace(large, width=2560), "X").tiles == ""
    assert make_tile(replace(large, src="https://e.example/a.jpg"), "X").tiles == ""


def test_pictures_of_other_servers_come_through_this_one() -> None:
    assert Site().near("/a b", 500) == "/a b"
    assert Site().near("https://e.example/a?b=1&c", 500) == (
        "/resize?url=https%3A%2F%2Fe.example%2Fa%3Fb%3D1%26c&width=500"
    )


def test_the_day_it_was_taken_is_shown_where_it_is_known() -> None:
    taken = replace(PICTURE, taken_at=datetime(2020, 1, 2, tzinfo=UTC))
    assert make_tile(PICTURE, "X").date == "March 9, 2026"
    assert make_tile(taken, "X").date == "January 2, 2020"
