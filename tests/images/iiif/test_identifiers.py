"""Identifiers: one segment of an address, decoded once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import NotFound
from cimaise.images.iiif.identifiers import (
    AlbumPicture,
    StoredPicture,
    decode_segment,
    format_identifier,
    parse_identifier,
)

NAMES = st.text(min_size=1, max_size=30).filter(
    lambda name: "/" not in name and "\0" not in name and name.isprintable()
)


def test_a_file_has_its_id_and_an_albums_picture_its_path():
    assert parse_identifier("4kqX") == StoredPicture("4kqX")
    assert parse_identifier("albums/Été & co/p 1.jpg") == AlbumPicture("Été & co", "p 1.jpg")


@given(NAMES, NAMES)
def test_what_is_written_is_read_again(album: str, file: str):
    for picture in (StoredPicture(file), AlbumPicture(album, file)):
        segment = format_identifier(picture)
        assert segment.isascii()
        assert not set(segment) & set("/?#[]@ ")
        assert parse_identifier(decode_segment(segment)) == picture


@pytest.mark.parametrize(
    "identifier", ["", "a/b", "albums/x", "albums/x/y/z", "albums//y", "/etc/passwd", "other/x/y"]
)
def test_other_paths_name_nothing(identifier: str):
    with pytest.raises(NotFound):
        parse_identifier(identifier)


@pytest.mark.parametrize("raw", ["%00", "a%00b", "%ff", "\xff", "%C3%28"])
def test_what_is_no_text_names_nothing(raw: str):
    with pytest.raises(NotFound):
        decode_segment(raw)


def test_a_segment_is_decoded_once():
    assert decode_segment("a%252Fb") == "a%2Fb"
