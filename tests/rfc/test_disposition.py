"""File names, those that come and those that go."""

import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.rfc.disposition import (
    MAX_NAME_BYTES,
    clean_filename,
    extension_of,
    format_disposition,
)

HOSTILE = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.sampled_from("\r\n\x00\t\"'\\/%;=<>:|?*(). \u202e\u200d\u0301\u0338\ud800CONPRNul1"),
    ),
    max_size=400,
)
FORM = re.compile(
    r"""(inline|attachment);[ ]filename="([^"\\%/\x00-\x1f\x7f-\U0010ffff]+)"
    (?:;[ ]filename\*=UTF-8''((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+))?""",
    re.VERBOSE,
)


@pytest.mark.parametrize(
    ("filename", "plain", "extended"),
    [
        ("photo.jpg", "photo.jpg", None),
        ("a b (1), [x] 'y'.jpg", "a b (1), [x] 'y'.jpg", None),
        ("Füße.jpg", "Fusse.jpg", "F%C3%BC%C3%9Fe.jpg"),
        ("café – “x”.txt", "cafe - 'x'.txt", "caf%C3%A9%20%E2%80%93%20%E2%80%9Cx%E2%80%9D.txt"),
        ("图片.jpg", "file.jpg", "%E5%9B%BE%E7%89%87.jpg"),
        ("图片2.jpg", "_2.jpg", "%E5%9B%BE%E7%89%872.jpg"),
        ('"x".txt', "'x'.txt", "%22x%22.txt"),
        ("a\\b/c.txt", "a_b_c.txt", None),
        ("100%41.txt", "100_41.txt", "100%2541.txt"),
        ("a\r\nSet-Cookie: b=c", "aSet-Cookie_ b=c", "aSet-Cookie%3A%20b%3Dc"),
        ("é'()*!~.txt", "e'()_!~.txt", "%C3%A9%27%28%29%2A!~.txt"),
        ("gpj\u202e.exe", "gpj.exe", None),
        ("\ud800.txt", "file.txt", "%3F.txt"),
        ("", "file", None),
        ("\x00", "file", None),
        ("图", "file", "%E5%9B%BE"),
        ("／＂％.txt", "file.txt", "%EF%BC%8F%EF%BC%82%EF%BC%85.txt"),
    ],
)
def test_a_name_is_written_so_that_every_client_can_read_it(filename, plain, extended):
    more = "" if extended is None else f"; filename*=UTF-8''{extended}"
    text = format_disposition(filename, attachment=True)
    assert text == f'attachment; filename="{plain}"{more}'


def test_what_is_shown_in_place_has_a_name_too():
    assert format_disposition("a.jpg", attachment=False) == 'inline; filename="a.jpg"'


@given(HOSTILE, st.booleans())
def test_no_name_breaks_the_header(filename, attachment):
    text = format_disposition(filename, attachment=attachment)
    assert text.isascii()
    assert text.isprintable()
    match = FORM.fullmatch(text)
    assert match is not None
    assert match[1] == ("attachment" if attachment else "inline")


@given(HOSTILE)
def test_the_extended_form_says_the_whole_clean_name(filename):
    name = clean_filename(filename)
    match = FORM.fullmatch(format_disposition(name, attachment=True))
    assert match is not None
    assert (match[2] if match[3] is None else unquote(match[3], errors="strict")) == name


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("photo.jpg", "photo.jpg"),
        ("Ein Foto (1).JPG", "Ein Foto (1).JPG"),
        ("图片.png", "图片.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("a/b\\c/d.txt", "d.txt"),
        ("folder/", "folder"),
        ("/", "file"),
        ("..", "file"),
        ("a/..", "file"),
        ("", "file"),
        (" . . ", "file"),
        (".htaccess", "htaccess"),
        ("...a.txt", "a.txt"),
        ("\u3000\u00a0a.txt\u3000", "a.txt"),
        ("a.txt. . ", "a.txt"),
        ("a\r\nb\x00c\x7f\x85.txt", "abc.txt"),
        ("gpj\u202e.exe", "gpj.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c\ufeff.txt", "a.txt"),
        ("a\u2028b.txt", "ab.txt"),
        ('a<b>c:d"e|f?g*h.txt', "a_b_c_d_e_f_g_h.txt"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("Aux .tar.gz", "_Aux .tar.gz"),
        ("nul.", "_nul"),
        ("COM1.jpg", "_COM1.jpg"),
        ("lpt\u00b9.jpg", "_lpt\u00b9.jpg"),
        ("CONIN$", "_CONIN$"),
        ("console.txt", "console.txt"),
        ("COM10.txt", "COM10.txt"),
        ("Cafe\u0301.txt", "Caf\u00e9.txt"),
        ("e\u202e\u0301.txt", "\u00e9.txt"),
        ("👩\u200d🚀.png", "👩\u200d🚀.png"),
        ("\ud800a.txt", "_a.txt"),
        ("a%2Fb.txt", "a%2Fb.txt"),
    ],
)
def test_names_are_cleaned(name, clean):
    assert clean_filename(name) == clean


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("x" * 300 + ".jpeg", "x" * 250 + ".jpeg"),
        ("é" * 200 + ".jpg", "é" * 125 + ".jpg"),
        ("😀" * 100 + ".png", "😀" * 62 + ".png"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 255),
        ("a." + "x" * 300, "a." + "x" * 253),
        ("x" * 250 + " " * 9 + ".jpg", "x" * 250 + ".jpg"),
        ("CON" + " " * 300 + ".jpg", "_CON.jpg"),
        ("CON." + "x" * 251, "_CON." + "x" * 250),
        ("CON." + "x" * 247 + ".jpg", "_CON." + "x" * 246 + ".jpg"),
    ],
)
def test_a_long_name_keeps_its_extension(name, clean):
    assert clean_filename(name) == clean


@given(HOSTILE)
def test_a_clean_name_is_safe_everywhere(name):
    clean = clean_filename(name)
    assert 1 <= len(clean.encode()) <= MAX_NAME_BYTES
    assert not set(clean) & set('/\\<>:"|?*')
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in clean)
    assert not any(unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI") for c in clean)  # fmt: skip
    assert clean[0] not in ". "
    assert clean[-1] not in ". "
    assert unicodedata.is_normalized("NFC", clean)
    assert not re.fullmatch(r"(?i:con|prn|aux|nul|com\d|lpt\d)", clean.partition(".")[0].strip())


@given(HOSTILE)
def test_cleaning_a_clean_name_changes_nothing(name):
    assert clean_filename(clean_filename(name)) == clean_filename(name)


@given(st.integers(200, 400), st.sampled_from([".jpg", ".JPEG", ".gz", ".ütf"]))
def test_cutting_never_changes_the_extension(length, extension):
    assert clean_filename("ä" * length + extension).endswith(extension)


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("a.jpg", ".jpg"), ("A.JPG", ".jpg"), ("archive.tar.gz", ".gz"), ("a", ""), ("", ""),
        ("a.", ""), (".htaccess", ""), ("..a", ""), (".a.b", ".b"), ("a.b/c", ""),
        ("a.b\\c.PnG", ".png"), ("photo.JPG.exe", ".exe"), ("a..b", ".b"), ("...", ""),
    ],
)  # fmt: skip
def test_the_extension_is_what_follows_the_last_dot(name, extension):
    assert extension_of(name) == extension


@given(st.text())
def test_an_extension_is_empty_or_begins_with_a_dot(name):
    extension = extension_of(name)
    assert extension == "" or (len(extension) > 1 and extension.rfind(".") == 0)
