import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.library.serving_types import BYTES, INLINE_TYPES, TEXT, served_type
from cimaise.uploads.signatures.table import SIGNATURES

ACTIVE = (
    "text/html", "text/xml", "application/xhtml+xml", "image/svg+xml", "application/xml",
    "application/atom+xml", "application/mathml+xml", "application/rss+xml", "text/javascript",
    "application/javascript", "application/x-javascript", "application/ecmascript", "text/css",
    "text/x-script", "text/x-php", "text/vbscript", "message/rfc822", "multipart/related",
    "multipart/x-mixed-replace", "application/java-archive", "application/x-shockwave-flash",
    "application/xslt+xml", "application/xml-dtd", "text/cache-manifest", "application/wasm",
)  # fmt: skip


@pytest.mark.parametrize("media_type", ACTIVE)
def test_what_a_browser_would_run_is_neither_served_as_such_nor_shown_in_place(media_type):
    assert served_type(media_type) in {TEXT, BYTES}
    assert media_type not in INLINE_TYPES


@pytest.mark.parametrize(
    "media_type", ["TEXT/HTML", " text/html ; charset=utf-7", "Image/SVG+XML;a"]
)
def test_letter_case_and_parameters_hide_nothing(media_type):
    assert served_type(media_type) in {TEXT, BYTES}


@pytest.mark.parametrize("media_type", sorted(INLINE_TYPES - {"text/plain"}))
def test_what_is_shown_in_place_is_served_as_what_it_is(media_type):
    assert served_type(media_type) == media_type


def test_text_is_always_utf_8():
    assert served_type("text/plain") == "text/plain; charset=utf-8"
    assert served_type("text/csv; charset=utf-7") == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "media_type", ["application/zip", "application/pdf", "application/json", "image/tiff"]
)
def test_a_passive_attachment_keeps_its_type(media_type):
    assert served_type(media_type) == media_type
    assert media_type not in INLINE_TYPES


@pytest.mark.parametrize(
    "media_type", ["", "image", "image/", "/png", "a/b\r\nx: y", "*/*", "a b/c"]
)
def test_what_is_no_media_type_is_bytes(media_type):
    assert served_type(media_type) == BYTES


@given(st.text())
def test_any_text_becomes_a_header_that_can_be_sent(text):
    served = served_type(text)
    assert served.isascii()
    assert served.isprintable()
    assert "/" in served


def test_every_known_type_can_be_served():
    for signature in SIGNATURES:
        assert served_type(signature.media_type)
        if signature.media_type in INLINE_TYPES:
            assert not signature.media_type.endswith("xml")
