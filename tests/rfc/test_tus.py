"""The values of tus' headers, by the specification's own rules."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Malformed
from cimaise.rfc.tus import (
    Checksum,
    Concatenation,
    last_segment,
    parse_checksum,
    parse_concat,
    parse_metadata,
    parse_number,
)

KEYS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1
)
HEADERS = st.text(st.characters(max_codepoint=0xFF), max_size=200)


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


@given(st.dictionaries(KEYS, st.binary(max_size=40)), st.booleans())
def test_metadata_are_read_as_they_were_written(written: dict[str, bytes], spaced: bool):
    pairs = [f"{key} {encoded(value)}" if value else key for key, value in written.items()]
    header = (", " if spaced else ",").join(pairs)
    assert parse_metadata(header) == written
    assert list(parse_metadata(header)) == list(written)


@given(HEADERS)
def test_any_text_is_metadata_or_malformed(header: str):
    try:
        found = parse_metadata(header)
    except Malformed as refusal:
        assert refusal.field == "Upload-Metadata"
        return
    assert all(key and " " not in key and "," not in key and key.isascii() for key in found)


@pytest.mark.parametrize(
    "header",
    [
        "filename bad!",
        "filename YQ",
        "filename YQ== more",
        "a YQ==,a Yg==",
        ",a YQ==",
        "a YQ==,,b Yg==",
        "näme YQ==",
        "a YQ==\r\nX: y",
        "a " + "A" * 20_000,
    ],
)
def test_metadata_that_cannot_be_read_are_refused(header: str):
    with pytest.raises(Malformed):
        parse_metadata(header)


@pytest.mark.parametrize("header", ["", " "])
def test_no_metadata_are_none(header: str):
    assert parse_metadata(header) == {}


@given(st.sampled_from(["sha1", "sha256", "md5", "crc32"]), st.binary(min_size=1, max_size=64))
def test_a_checksum_is_read_as_it_was_written(algorithm: str, digest: bytes):
    assert parse_checksum(f"{algorithm} {encoded(digest)}") == Checksum(algorithm, digest)


@given(HEADERS)
def test_any_text_is_a_checksum_or_malformed(header: str):
    try:
        parse_checksum(header)
    except Malformed as refusal:
        assert refusal.field == "Upload-Checksum"


@pytest.mark.parametrize("header", ["", "sha1", "SHA1 YQ==", "sha1 YQ", "sha1  !", " YQ=="])
def test_a_checksum_that_cannot_be_read_is_refused(header: str):
    with pytest.raises(Malformed):
        parse_checksum(header)


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_number_is_digits(number: int):
    assert parse_number(str(number), "Upload-Offset") == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e3", " 1", "0x10", "١", "9" * 19])
def test_anything_else_is_no_number(text: str):
    with pytest.raises(Malformed) as refusal:
        parse_number(text, "Upload-Length")
    assert refusal.value.field == "Upload-Length"


def test_a_concatenation_names_its_partial_uploads_in_order():
    assert parse_concat("partial") == Concatenation(is_final=False)
    assert parse_concat("final;/tus/a https://host/tus/b") == Concatenation(
        is_final=True, urls=("/tus/a", "https://host/tus/b")
    )


@pytest.mark.parametrize(
    "text", ["", "final", "final;", "final; ", "partial;x", "Partial", "other;/a", "final;/ä",
             "final;" + "/a " * 257]
)  # fmt: skip
def test_anything_else_is_no_concatenation(text: str):
    with pytest.raises(Malformed):
        parse_concat(text)


@pytest.mark.parametrize(
    ("url", "segment"),
    [
        ("https://host/tus/abc", "abc"),
        ("/tus/abc/", "abc"),
        ("abc", "abc"),
        ("/tus/abc?x=/y#z", "abc"),
        ("https://host", ""),
        ("", ""),
    ],
)
def test_the_last_segment_of_a_url(url: str, segment: str):
    assert last_segment(url) == segment


def test_what_is_no_url_is_malformed():
    with pytest.raises(Malformed):
        last_segment("https://[::1")
