"""What a client would rather have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.rfc.negotiation import (
    MediaRange,
    choose_image_format,
    parse_accept,
    prefers_html,
    quality_of,
)

AVIF, WEBP, JPEG = CANDIDATES = ("image/avif", "image/webp", "image/jpeg")
CHROME_PICTURE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI_PICTURE = (
    "image/webp,image/avif,image/jxl,image/heic,video/*;q=0.8,image/png,image/*;q=0.8,*/*;q=0.5"
)
OLD_SAFARI_PICTURE = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def test_elements_are_read_with_quality_and_parameters():
    assert parse_accept('text/*;q=0.3, Text/HTML;q=0.7, text/html;level=1, */*;Q=0.5, a/b;c="d,e"') == (
        MediaRange("text/*", 0.3),
        MediaRange("text/html", 0.7),
        MediaRange("text/html", 1.0, (("level", "1"),)),
        MediaRange("*/*", 0.5),
        MediaRange("a/b", 1.0, (("c", "d,e"),)),
    )  # fmt: skip


@pytest.mark.parametrize("header", [None, "", " ", ",", " , ,"])
def test_nothing_asked_is_nothing_read(header):
    assert parse_accept(header) == ()


@pytest.mark.parametrize(
    "element",
    ["html", "*", "*/html", "/", "a/", "/b", "a/b;q=2", "a/b;q=1.1", "a/b;q=0.1234", "a/b;q=-1",
     "a/b;q=.5", "a/b;q=nan", "a/b;q=\u0661", "a/b;q", "a/b;q= 1", "a/b c/d", 'a/b;x="', "a b/c"],
)  # fmt: skip
def test_an_element_that_breaks_the_grammar_is_left_out_alone(element):
    assert parse_accept(f"x/y, {element}")[:1] == (MediaRange("x/y"),)
    assert len(parse_accept(f"{element}, x/y")) <= 1


@pytest.mark.parametrize(
    ("media_type", "quality"),
    [("text/html", 0.7), ("text/plain", 0.3), ("image/jpeg", 0.5), ("image/avif", 0.0)],
)
def test_the_most_specific_range_decides(media_type, quality):
    ranges = parse_accept(
        "*/*;q=0.5, text/*;q=0.3, text/html;q=0.7, text/html;level=1, image/avif;q=0"
    )
    assert quality_of(ranges, media_type) == quality


def test_everything_is_wanted_where_nothing_was_asked_for():
    assert quality_of((), "image/png") == 1.0
    assert quality_of(parse_accept("text/html"), "image/png") == 0.0


@given(st.one_of(st.text(), st.text('ab/*;q=01.5", \\')))
def test_no_header_is_too_odd_to_be_read(header):
    assert all(0 <= found.quality <= 1 for found in parse_accept(header))
    assert choose_image_format(header, CANDIDATES) in CANDIDATES
    prefers_html(header)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (CHROME_PICTURE, AVIF),
        (SAFARI_PICTURE, AVIF),
        (PAGE, AVIF),
        (OLD_SAFARI_PICTURE, JPEG),
        (None, JPEG),
        ("", JPEG),
        ("*/*", JPEG),
        ("image/*", JPEG),
        ("image/*, */*;q=0.8", JPEG),
        ("image/webp", WEBP),
        ("image/webp, */*", WEBP),
        ("IMAGE/WEBP", WEBP),
        ("image/avif;q=0, image/webp", WEBP),
        ("image/avif;q=0, image/*", JPEG),
        ("image/avif;q=0.5, image/webp;q=0.9", WEBP),
        ("image/webp;q=0.5, image/jpeg", JPEG),
        ("image/webp;q=0, image/avif;q=0", JPEG),
        ("image/webp;lossless=1", JPEG),
        ("image/jpeg;q=0", JPEG),
        ("text/html", JPEG),
        ("nonsense", JPEG),
    ],
)
def test_a_newer_format_must_be_named(accept, chosen):
    assert choose_image_format(accept, CANDIDATES) == chosen


def test_one_candidate_needs_no_choice():
    assert choose_image_format("image/avif", ["image/png"]) == "image/png"


@given(st.lists(st.sampled_from(["image/*", "*/*", "image/*;q=0.1", "*/*;q=1.0", "text/*"])))
def test_wildcards_never_choose_a_newer_format(elements):
    assert choose_image_format(", ".join(elements), CANDIDATES) == JPEG


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (PAGE, True),
        ("text/html", True),
        ("text/html, application/json", True),
        ("text/html;q=0.9, application/json;q=0.9", True),
        ("text/html;q=0.9, */*;q=0.8", True),
        ("text/html;q=0.5, application/json", False),
        ("text/html;q=0.5, */*", False),
        ("text/html;q=0", False),
        ("text/html;level=1", False),
        ("application/json", False),
        ("text/*", False),
        ("*/*", False),
        ("", False),
        (None, False),
    ],
)
def test_pages_go_to_those_who_ask_for_them(accept, html):
    assert prefers_html(accept) is html
