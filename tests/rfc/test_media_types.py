"""Media types and the patterns that mean many of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.rfc.media_types import media_type_matches, parse_media_type, parse_parameters

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,20}", fullmatch=True)
TOKENS = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"))


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("image/png", ("image/png", {})),
        (" Image/PNG ", ("image/png", {})),
        ("text/html;charset=UTF-8", ("text/html", {"charset": "UTF-8"})),
        ('text/html ; Charset="utf-8"', ("text/html", {"charset": "utf-8"})),
        ('a/b; x="a;b,c\\"d"; y=1', ("a/b", {"x": 'a;b,c"d', "y": "1"})),
        ('a/b; x=""', ("a/b", {"x": ""})),
        ("a/b;;  ; x=1;", ("a/b", {"x": "1"})),
        ("a/b; x=1; X=2", ("a/b", {"x": "1"})),
        ("image/svg+xml", ("image/svg+xml", {})),
        (
            "application/vnd.oasis.opendocument.text",
            ("application/vnd.oasis.opendocument.text", {}),
        ),
    ],
)
def test_media_types_are_read(text, parsed):
    assert parse_media_type(text) == parsed


@pytest.mark.parametrize(
    "text",
    ["", "/", "image", "image/", "/png", "image/*", "*/*", "image /png", "image/ png", "a/b/c",
     "a/b c", "a/b; x", "a/b; x=", "a/b; =1", "a/b; x =1", "a/b; x= 1", 'a/b; x="1', "a/b, c/d",
     "a/b\r\nX: y", 'a/b; x="\r\n"', "im\u00e4ge/png", "a/" + "b" * 128, "a/b\x00", ".a/b"],
)  # fmt: skip
def test_what_is_no_media_type_is_none(text):
    assert parse_media_type(text) is None


@given(NAMES, NAMES, st.dictionaries(TOKENS.map(str.lower), VALUES, max_size=4))
def test_a_media_type_is_read_back(main, sub, parameters):
    quoted = [
        (name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in parameters.items()
    ]
    text = f"{main}/{sub}" + "".join(f'; {name}="{value}"' for name, value in quoted)
    assert parse_media_type(text) == (f"{main}/{sub}".lower(), parameters)


@given(st.one_of(st.text(), st.text(' /;="\\ab\t*')))
def test_no_text_is_too_odd_to_be_read(text):
    parse_media_type(text)
    parse_parameters(text)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("image/png", "image/png"), ("image/*", "image/svg+xml"), ("*/*", "video/mp4"),
        ("IMAGE/*", "image/PNG"), ("text/plain", "text/plain; charset=utf-8"),
    ],
)  # fmt: skip
def test_a_pattern_means_these(pattern, value):
    assert media_type_matches(pattern, value)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("image/png", "image/jpeg"), ("image/*", "imagex/png"), ("image/*", "video/mp4"),
        ("image/*", "image/"), ("image/*", "image"), ("image/*", "image/*"), ("*/png", "image/png"),
        ("*", "image/png"), ("", ""), ("image/p*", "image/png"), ("image/", "image/png"),
        ("image/png; a=b", "image/png"), ("image/*", "image/png, text/html"), ("*/*", "*/*"),
    ],
)  # fmt: skip
def test_a_pattern_does_not_mean_these(pattern, value):
    assert not media_type_matches(pattern, value)
