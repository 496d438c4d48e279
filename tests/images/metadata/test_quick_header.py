"""The quick reader says what the decoder says, of real pictures and of broken ones."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import CimaiseError, TypeNotAllowed
from cimaise.images.libvips import prepare_libvips
from cimaise.images.metadata.quick import read_quick_header
from cimaise.images.metadata.tiff import parse_exif_time, read_exif
from tests.kit.pictures import guarded_codec

SUFFIXES = (".jpg", ".png", ".webp", ".gif", ".avif")
CORPUS = Path(os.environ.get("MEDIA_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
REAL = sorted(path for path in CORPUS.rglob("*") if path.is_file()) if CORPUS.is_dir() else []


def quick(path: Path):
    return read_quick_header(path, guarded_codec().read_header)


def told(read, path: Path):
    try:
        header = read(path)
    except CimaiseError as refused:
        return type(refused)
    return header.width, header.height, header.orientation, header.taken_at


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_of_every_real_file_it_says_the_same_as_the_decoder(path):
    assert told(quick, path) == told(guarded_codec().read_header, path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 48), (300, 7)])
def test_of_every_format_we_write_it_says_the_size(tmp_path, suffix, width, height):
    file = tmp_path / f"x{suffix}"
    pyvips.Image.black(width, height, bands=3).write_to_file(str(file))
    header = quick(file)
    assert (header.width, header.height, header.orientation) == (width, height, 1)


@pytest.mark.skipif(not REAL, reason="no corpus of pictures here")
def test_the_place_of_a_photograph_is_read():
    header = quick(CORPUS / "gps" / "DSCN0010.jpg")
    assert header.latitude == pytest.approx(43.4674, abs=0.001)
    assert header.longitude == pytest.approx(11.8851, abs=0.001)
    assert header.taken_at == datetime(2008, 10, 22, 16, 28, 39, tzinfo=UTC)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_cut_anywhere_is_refused_or_read_and_nothing_else(picture, tmp_path, suffix):
    whole, file = picture(64, 48, suffix), tmp_path / f"x{suffix}"
    for length in range(0, min(len(whole), 200), 3):
        file.write_bytes(whole[:length])
        assert told(quick, file) in ((64, 48, 1, None), TypeNotAllowed)


def test_a_link_is_not_followed(picture, tmp_path):
    (tmp_path / "x.jpg").write_bytes(picture(8, 8, ".jpg"))
    (tmp_path / "link.jpg").symlink_to(tmp_path / "x.jpg")
    with pytest.raises(OSError, match="symbolic"):
        quick(tmp_path / "link.jpg")


@given(st.binary(max_size=300), st.sampled_from([b"", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0"]))
def test_any_bytes_are_read_as_exif_without_an_error(tail, head):
    facts = read_exif(head + tail)
    assert 1 <= facts.orientation <= 8
    assert facts.latitude is None or -90 <= facts.latitude <= 90


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2024:05:06 07:08:09", "", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024:05:06 07:08:09", "+02:00", datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)),
        ("2024:05:06 07:08:09", "-03:30", datetime(2024, 5, 6, 10, 38, 9, tzinfo=UTC)),
        ("2024:05:06 07:08:09", "nonsense", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("0000:00:00 00:00:00", "", None),
        ("2024:13:06 07:08:09", "", None),
        ("    :  :     :  :  ", "", None),
        ("2024-05-06", "", None),
        ("", "", None),
        ("0001:01:01 00:00:00", "+14:00", None),
    ],
)
def test_times_of_cameras(text, zone, expected):
    assert parse_exif_time(text, zone) == expected


@pytest.fixture(scope="session", autouse=True)
def _libvips():
    prepare_libvips()
