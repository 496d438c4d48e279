import itertools
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.albums.addresses import (
    THUMB_WIDTH_PX,
    VariantSizes,
    folder_file_url,
    format_srcset,
    gallery_url,
    parse_folder_file_url,
    resized_file_url,
)
from cimaise.albums.model import Rendition

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(NAMES, NAMES)
def test_a_file_s_url_leads_back_to_the_file_also_through_a_query(album, file):
    url = folder_file_url(album, file)
    assert url.isascii()
    assert not set(url) & set(" ,?#\"'<>\\")
    assert parse_folder_file_url(url) == (album, file)
    split = urlsplit(resized_file_url(album, file, 500))
    query = parse_qs(split.query, strict_parsing=True)
    assert (split.path, query) == ("/resize", {"url": [url], "width": ["500"]})
    assert not split.fragment


def test_the_url_inside_of_a_query_is_encoded_twice():
    assert folder_file_url("my trip", "100% é.jpg") == "/albums/my%20trip/100%25%20%C3%A9.jpg"
    assert (
        resized_file_url("my trip", "100% é.jpg", 500)
        == "/resize?url=/albums/my%2520trip/100%2525%2520%25C3%25A9.jpg&width=500"
    )


@pytest.mark.parametrize(
    "path",
    ["", "/", "/albums", "/albums/", "/albums/a", "/albums/a/", "/albums//b", "/albums/a/b/c",
     "albums/a/b", "/other/a/b", "/albums/%FF/b", "https://x/albums/a/b"],
)  # fmt: skip
def test_other_paths_are_no_files_of_albums(path):
    assert parse_folder_file_url(path) is None


def test_an_encoded_slash_stays_inside_of_its_name():
    assert parse_folder_file_url("/albums/a/..%2F..%2Fetc") == ("a", "../../etc")


@given(NAMES)
def test_the_page_of_an_album_is_one_segment(album):
    prefix, _, segment = gallery_url(album).rpartition("/")
    assert prefix == "/gallery"
    assert unquote(segment) == album


def test_a_srcset_can_be_taken_apart_again_whatever_the_files_are_called():
    made = [Rendition(resized_file_url("a, b", "c 480w, d.jpg", w), w) for w in (480, 960)]
    parts = format_srcset(made).split(", ")
    assert [part.split(" ") for part in parts] == [[one.url, f"{one.width}w"] for one in made]


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(16, 5000))
def test_variants_are_never_larger_than_the_picture_or_than_allowed(width, height, most):
    sizes = VariantSizes(most)
    thumb = sizes.thumb(width, height)
    assert 1 <= thumb[0] <= min(500, width, most)
    assert 1 <= thumb[1] <= height
    offered = sizes.widths(width)
    assert list(offered) == sorted(set(offered))
    assert offered[-1] == min(width, 2560, most)


def test_a_thumb_keeps_the_shape_of_its_picture():
    sizes = VariantSizes()
    assert sizes.thumb(2048, 1365) == (500, 333)
    assert sizes.thumb(1365, 2048) == (500, 750)
    assert sizes.thumb(320, 240) == (320, 240)
    assert sizes.widths(2048) == (260, 360, 500, 700, 960, 1340, 1840, 2048)
    assert sizes.widths(8000) == (260, 360, 500, 700, 960, 1340, 1840, 2560)
    assert sizes.widths(300) == (260, 300)


def test_from_one_offered_width_to_the_next_it_is_two_fifths_at_most():
    widths = VariantSizes().widths(8000)
    assert all(wider <= 1.4 * width for width, wider in itertools.pairwise(widths))
    assert THUMB_WIDTH_PX in widths
    assert len(widths) <= 8
