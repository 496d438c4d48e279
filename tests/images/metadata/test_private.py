"""Private things are taken out of files, and nothing else of them changes: every pixel is the same."""

import os
import struct
import zlib
from pathlib import Path

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from cimaise.images.metadata.private import (
    CannotClean,
    Patch,
    apply_patches,
    clean_exif,
    find_patches,
)
from cimaise.images.metadata.tiff import read_exif
from tests.kit.private_pictures import (
    OWNER,
    PLACE,
    SERIAL,
    XMP,
    chunk,
    exif,
    jpeg_with,
    png_with,
    segment,
    webp_with,
)

CORPUS = Path(os.environ.get("MEDIA_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
REAL = sorted(CORPUS.rglob("*")) if CORPUS.is_dir() else []
PHOTOGRAPHS = [path for path in REAL if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]


class Whole:
    """A file in memory."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def get(self, start: int, count: int) -> bytes:
        found = self.body[start : start + count] if start >= 0 else b""
        if len(found) != count:
            raise ValueError("the file ends early")
        return found


def cleaned(body: bytes) -> bytes:
    return apply_patches(body, 0, find_patches(Whole(body)))


MADE = {
    "jpeg": lambda: jpeg_with(
        segment(0xE1, b"Exif\0\0" + exif()), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    ),
    "png": lambda: png_with(
        chunk(b"eXIf", exif()), chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(exif())),
    ),
    "webp": lambda: webp_with((b"EXIF", exif()), (b"XMP ", XMP)),
}  # fmt: skip


@pytest.mark.parametrize("kind", MADE)
def test_what_is_private_goes_and_the_rest_stays(kind):
    body = MADE[kind]()
    after = cleaned(body)
    assert len(after) == len(body)
    for telling in (SERIAL, OWNER, PLACE, b"GPSLatitude"):
        assert telling in body
        assert telling not in after
    before_picture = pyvips.Image.new_from_buffer(body, "")
    after_picture = pyvips.Image.new_from_buffer(after, "")
    assert before_picture.write_to_memory() == after_picture.write_to_memory()
    assert after_picture.get("orientation") == 6
    assert "2024:05:06 07:08:09" in after_picture.get("exif-ifd2-DateTimeOriginal")
    assert not [name for name in after_picture.get_fields() if name.startswith("exif-ifd3")]
    assert cleaned(after) == after


def test_facts_that_an_index_wants_are_still_there_but_the_place():
    facts = read_exif(exif())
    assert facts.latitude == facts.longitude == pytest.approx(45.50194, abs=0.001)
    after = read_exif(clean_exif(exif()))
    assert (after.orientation, after.taken_at) == (facts.orientation, facts.taken_at)
    assert (after.latitude, after.longitude) == (None, None)


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.name)
def test_real_files_keep_every_pixel_and_lose_every_place(path):
    body = path.read_bytes()
    try:
        after = cleaned(body)
    except CannotClean:
        return
    assert len(after) == len(body)
    assert cleaned(after) == after
    try:
        before_picture = pyvips.Image.new_from_buffer(body, "")
        pixels = before_picture.write_to_memory() if before_picture.width < 8000 else b""
    except pyvips.Error:
        return  # broken before, too
    after_picture = pyvips.Image.new_from_buffer(after, "")
    fields = after_picture.get_fields()
    assert not [name for name in fields if name.startswith("exif-ifd3-GPS")]
    assert not [name for name in fields if "SerialNumber" in name or "MakerNote" in name]
    if pixels:
        assert after_picture.write_to_memory() == pixels


@pytest.mark.skipif(not REAL, reason="no corpus of pictures here")
def test_real_photographs_have_had_a_place():
    for path in (CORPUS / "gps").iterdir():
        body = path.read_bytes()
        block = body[body.index(b"Exif\0\0") + 6 :]
        assert read_exif(block[:60_000]).latitude is not None
        after = cleaned(body)
        assert read_exif(after[after.index(b"Exif\0\0") + 6 :][:60_000]).latitude is None


def test_the_other_pictures_of_a_multi_picture_file_are_cleaned_too():
    other = jpeg_with(segment(0xE1, b"Exif\0\0" + exif()))
    first = jpeg_with(segment(0xE2, b"MPF\0" + bytes(60)))
    start = first.index(b"MPF\0") + 4
    index = (
        b"II*\0" + struct.pack("<I", 8)
        + struct.pack("<H", 1) + struct.pack("<HHII", 0xB002, 7, 32, 26) + bytes(4)
        + struct.pack("<IIIHH", 0, len(first), 0, 0, 0)
        + struct.pack("<IIIHH", 0, len(other), len(first) - start, 0, 0)
    )  # fmt: skip
    body = first[:start] + index.ljust(60, b"\0") + first[start + 60 :] + other
    assert SERIAL in body
    assert SERIAL not in cleaned(body)


@pytest.mark.parametrize("kind", MADE)
def test_a_file_that_is_cut_is_refused_or_cleaned_of_what_is_left(kind):
    body = MADE[kind]()
    for length in range(0, len(body), 7):
        try:
            after = cleaned(body[:length])
        except CannotClean:
            continue
        assert SERIAL not in after


@pytest.mark.parametrize("head", [b"GIF89a", b"II*\0", b"\0\0\0\x1cftypavif", b"<svg>", b""])
def test_other_formats_are_refused(head):
    with pytest.raises(CannotClean):
        find_patches(Whole(head + bytes(100)))


def test_exif_that_cannot_be_understood_goes_whole():
    loop = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 8, 0) + SERIAL
    assert clean_exif(loop) == bytes(len(loop))
    assert clean_exif(b"nonsense" + SERIAL) == bytes(20)


def test_a_long_chain_of_directories_goes_whole():
    links = b"".join(struct.pack("<HI", 0, 14 + 6 * place) for place in range(5000))
    chain = b"II*\0" + struct.pack("<I", 8) + links + bytes(6) + SERIAL
    assert clean_exif(chain) == bytes(len(chain))


def test_directories_and_values_that_lie_over_each_other_go_whole():
    over_the_header = struct.pack("<HHII", 0x927C, 7, 20, 0)
    block = b"II*\0" + struct.pack("<IH", 8, 1) + over_the_header + bytes(4) + SERIAL
    assert clean_exif(block) == bytes(len(block))


def test_a_block_in_which_everything_is_overwritten_again_and_again_goes_whole():
    notes = struct.pack("<HHII", 0x927C, 7, 5000, 80) * 4
    body = b"II*\0" + struct.pack("<IH", 8, 4) + notes + bytes(4)
    block = body.ljust(6000, b"x") + SERIAL
    assert clean_exif(block) == bytes(len(block))


@given(st.binary(max_size=400), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_are_cleaned_to_as_many(tail, head):
    block = head + tail
    once = clean_exif(block)
    assert len(once) == len(block)
    assert read_exif(once).latitude is None


@given(st.data())
def test_patches_of_any_chunking_give_the_same(data):
    body = bytes(range(200))
    starts = data.draw(st.lists(st.integers(0, 180), max_size=4, unique=True).map(sorted))
    patches = [Patch(start, b"\xff" * data.draw(st.integers(1, 20))) for start in starts]
    whole = apply_patches(body, 0, patches)
    at, joined = data.draw(st.integers(0, 199)), b""
    begun = at
    while at < len(body):
        size = data.draw(st.integers(1, 60))
        joined += apply_patches(body[at : at + size], at, patches)
        at += size
    assert joined == whole[begun:]
