import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.uploads.signatures.base import HEAD_BYTES, Head
from cimaise.uploads.signatures.names import allowed_by_name, extension_of
from cimaise.uploads.signatures.table import SIGNATURES, sniff
from cimaise.uploads.signatures.zipped import MAX_END_BYTES, has_zip_end
from tests.kit.sample_table import GOOD, HOSTILE
from tests.kit.samples import drawn, executable, rar5, seven_zip, zipped

CORPUS = Path(os.environ.get("MEDIA_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
BY_EXTENSION = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif",
    ".webp": "image/webp", ".avif": "image/avif", ".heic": "image/heic", ".tif": "image/tiff",
    ".tiff": "image/tiff", ".svg": "image/svg+xml",
}  # fmt: skip


def sniffed(content: bytes) -> str:
    return sniff(content[:HEAD_BYTES], len(content))


@pytest.mark.parametrize("name", GOOD)
def test_a_file_is_known_by_its_bytes(name):
    make, media_type = GOOD[name]
    assert sniffed(make()) == media_type


@pytest.mark.parametrize("name", GOOD)
def test_a_file_may_have_the_name_that_fits(name):
    assert allowed_by_name(name, GOOD[name][1])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_not_what_it_seems(name):
    make, media_type = HOSTILE[name]
    assert sniffed(make()) == media_type


def test_every_signature_has_a_sample():
    made = {media_type for _, media_type in GOOD.values()}
    assert {signature.media_type for signature in SIGNATURES} - made == {
        f"application/vnd.oasis.opendocument.{kind}"
        for kind in ("spreadsheet", "presentation", "graphics")
    }


@pytest.mark.parametrize("name", GOOD)
def test_any_beginning_of_a_file_gets_some_type(name):
    content = GOOD[name][0]()
    for stop in range(min(len(content), 300)):
        assert "/" in sniff(content[:stop], stop)
        assert "/" in sniff(content[:stop], len(content))


@pytest.mark.parametrize("name", GOOD)
@given(place=st.integers(0, 99), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_any_damaged_file_gets_some_type(name, place, value, cut):
    content = bytearray(_made(name))
    if content:
        content[place % len(content)] = value
    damaged = bytes(content[: len(content) - min(cut, len(content))])
    assert "/" in sniffed(damaged)


_MADE: dict[str, bytes] = {}


def _made(name: str) -> bytes:
    if name not in _MADE:
        _MADE[name] = GOOD[name][0]()[:HEAD_BYTES]
    return _MADE[name]


@given(st.binary(max_size=2000), st.integers(0, 2**40))
def test_any_bytes_get_some_type(content, more):
    assert "/" in sniff(content, len(content) + more)


@given(st.sampled_from([make for make, _ in GOOD.values()]), st.binary(max_size=400))
def test_any_bytes_behind_a_magic_get_some_type(make, rest):
    for length in (2, 4, 8, 12, 16, 30):
        assert "/" in sniffed(make()[:length] + rest)


@pytest.mark.parametrize(
    "unit",
    [
        b"<!--", b"<?", b"<!doctype a", b"<!doctype a [", b"<!doctype a>", b"<!---->", b"<a ", b" ",
        b"PK\3\4", b"PK\5\6", zipped("a")[:-60], b"\xff\xd8\xff", b"\xff", b"ID3", b"\0\0\0\x08free",
        b"]", b"1 0 ob", b"\x1f\x8b\x08\0", b"<x", b"%PDF-1.4 1 ", b"\0\0\0\x08moov",
    ],
)  # fmt: skip
def test_a_long_repetition_takes_no_longer_than_its_length(unit):
    content = (unit * HEAD_BYTES)[:HEAD_BYTES]
    for begin in (b"", b"<", b"<?xml ", b"%PDF-1.4", b"II*\0\x08\0\0\0", b"ID3\4\0\0\0\0\0\0TIT2"):
        begun = time.process_time()
        sniff(begin + content, 2**40)
        assert time.process_time() - begun < 0.25


def test_only_the_first_64_kib_are_looked_at():
    far = b"x" * HEAD_BYTES + b"\0" * 10
    assert sniff(far, len(far)) == "text/plain"


def test_a_character_cut_by_the_heads_end_is_still_text():
    content = ("x" + "ü" * HEAD_BYTES).encode()
    assert sniffed(content) == "text/plain"
    assert sniff(content[:HEAD_BYTES], HEAD_BYTES) == "application/octet-stream"


def test_no_signature_speaks_twice_of_the_same_type_with_other_extensions():
    for signature in SIGNATURES:
        assert all(extension.startswith(".") for extension in signature.extensions)
        assert signature.media_type == signature.media_type.lower()


@pytest.mark.parametrize(
    ("filename", "make"),
    [
        ("tool.zip", executable),
        ("tool.7z", zipped),
        ("tool.rar", zipped),
        ("tool.zip", rar5),
        ("tool.zip", seven_zip),
        ("photo.jpg", lambda: zipped("a")),
        ("photo.jpg", lambda: drawn(".png")),
        ("photo.jpg", lambda: b"<html>"),
        ("photo.JPG.", lambda: b"<html>"),
        ("photo.png", lambda: b"\x89PNG\r\n\x1a\n"),
        ("photo.png", lambda: b""),
        ("song.mp3", lambda: b"ID3<html>"),
        ("notes.txt", lambda: b"<script>alert(1)</script>"),
        ("notes.txt", executable),
        ("data.json", lambda: b"<svg/>"),
        ("letter.docx", lambda: zipped("a")),
        ("paper.pdf", lambda: b"<html>%PDF-1.4"),
        ("clip.mp4", lambda: b"\0\0\0\x18ftypisom"),
        ("picture.svg", lambda: b"<html><svg/></html>"),
    ],
)  # fmt: skip
def test_a_name_that_promises_something_else_is_refused(filename, make):
    assert not allowed_by_name(filename, sniffed(make()))


@pytest.mark.parametrize(
    ("filename", "media_type"),
    [
        ("letter.zip", GOOD["letter.docx"][1]),
        ("book.zip", "application/epub+zip"),
        ("song.m4a", "video/mp4"),
        ("clip.mp4", "video/quicktime"),
        ("clip.mkv", "video/webm"),
        ("song.ogg", "video/ogg"),
        ("photo.jp2", "image/j2c"),
        ("photo.heic", "image/heif"),
        ("photo.JPEG", "image/jpeg"),
        ("raw.dng", "image/tiff"),
        ("latin.txt", "application/octet-stream"),
        ("README.md", "text/html"),
        ("drawing.xml", "image/svg+xml"),
        ("old.doc", "application/rtf"),
        ("index.d.ts", "text/plain"),
        ("favicon.ico", "image/png"),
        ("code.jar", "application/zip"),
        ("code.apk", "application/java-archive"),
        ("template.html", "text/plain"),
        ("library.so", "application/x-mach-binary"),
        ("anything.xyz", "application/zip"),
        ("anything.xyz", "application/octet-stream"),
        ("no extension", "text/html"),
        (".jpg", "text/plain"),
    ],
)
def test_a_name_of_the_same_family_or_without_a_promise_is_allowed(filename, media_type):
    assert allowed_by_name(filename, media_type)


@pytest.mark.parametrize(
    ("filename", "extension"),
    [
        ("a.JPG", ".jpg"),
        ("a.tar.gz", ".gz"),
        ("a.jpg. .", ".jpg"),
        ("a", ""),
        (".profile", ""),
        ("", ""),
        ("a.b/c", ""),
    ],
)
def test_the_extension_is_the_last_one_in_lower_case(filename, extension):
    assert extension_of(filename) == extension


def test_the_end_of_a_zip_is_found_behind_its_comment():
    whole = zipped("a.txt")
    commented = whole[:-2] + (300).to_bytes(2, "little") + b"PK\5\6" + b"c" * 296
    assert has_zip_end(whole[-MAX_END_BYTES:])
    assert has_zip_end(commented[-MAX_END_BYTES:])
    assert not has_zip_end(whole[:-1])
    assert not has_zip_end(b"")


def test_a_head_knows_whether_it_is_the_whole_file():
    assert Head(b"abc", 3).is_whole
    assert not Head(b"abc", 4).is_whole


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the test pictures are not here")
def test_real_pictures_are_known():
    wrong = {}
    for path in sorted(CORPUS.rglob("*.*")):
        wanted = BY_EXTENSION.get(path.suffix.lower())
        if wanted and path.name != "corrupt-header.jpg":
            with path.open("rb") as file:
                found = sniff(file.read(HEAD_BYTES), path.stat().st_size)
            if found != wanted:
                wrong[path.name] = found
    assert wrong == {}
