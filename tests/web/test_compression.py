"""Texts are packed where that is welcome, and nothing else is."""

import pytest

from cimaise.rfc.negotiation import accepts_coding
from cimaise.web.assets import asset_url
from tests.kit.application import Person, RunningApplication
from tests.kit.backends import left_out

PACKED = {"accept-encoding": "gzip"}


@pytest.mark.parametrize(
    ("header", "welcome"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZip", True),
        ("br, gzip;q=0.1", True),
        ("gzip ; q=1.000", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("gzip;q=2", False),
        ("gzip;level=1", False),
        ("x-gzip", False),
        (", ,gzip,", True),
    ],
)
def test_a_coding_is_welcome_where_the_header_says_so(header: str | None, welcome: bool) -> None:
    assert accepts_coding(header, "gzip") is welcome


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_a_long_text_is_packed(server: RunningApplication, path: str) -> None:
    with server.client() as client:
        plain = client.get(path, headers={"accept-encoding": "identity"})
        packed = client.get(path, headers=PACKED)
    assert plain.text == packed.text
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer.headers["vary"]


def test_head_tells_what_get_would_send(server: RunningApplication) -> None:
    with server.client() as client:
        told = client.head("/docs", headers=PACKED).headers
        sent = client.get("/docs", headers=PACKED).headers
    for name in ("content-encoding", "content-length", "content-type", "vary"):
        assert told[name] == sent[name]


def test_short_texts_and_answers_to_post_stay_as_they_are(
    server: RunningApplication, ann: Person
) -> None:
    with server.client(ann) as client:
        assert "content-encoding" not in client.get("/healthz", headers=PACKED).headers
        made = client.post("/api/keys", json={"name": "k" * 100}, headers=PACKED)
    assert made.status_code == 201
    assert "content-encoding" not in made.headers


def test_modules_are_sent_packed_with_their_own_type(server: RunningApplication) -> None:
    url = asset_url("gallery.js")
    if url is None:
        left_out("the browser's modules are not built: python hatch_build.py")
    with server.client() as client:
        plain = client.get(url, headers={"accept-encoding": "identity"})
        packed = client.get(url, headers=PACKED)
        part = client.get(url, headers={"accept-encoding": "identity", "range": "bytes=0-9"})
        head = client.head(url, headers={"accept-encoding": "identity"})
        again = client.get(url, headers=PACKED | {"if-none-match": packed.headers["etag"]})
    assert plain.content == packed.content == part.content
    assert "content-encoding" not in plain.headers
    assert (head.content, head.headers["content-length"]) == (b"", str(len(plain.content)))
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert "javascript" in packed.headers["content-type"]
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert again.status_code == 304
