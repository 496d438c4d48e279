"""The layout of an archive: every byte where it says, and readable by others."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.rfc.zip import Kind, Layout, Member

AT = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"), min_size=1, max_size=9
)


def piece(layout: Layout, contents: Sequence[bytes], kind: Kind, index: int) -> bytes:
    if kind is Kind.CONTENT:
        return contents[index]
    if kind is Kind.END:
        return layout.end()
    make = layout.header if kind is Kind.HEADER else layout.record
    return make(index, zlib.crc32(contents[index]))


def cut(layout: Layout, contents: Sequence[bytes], start: int, stop: int) -> bytes:
    return b"".join(
        piece(layout, contents, one.kind, one.index)[one.start : one.stop]
        for one in layout.stretches(start, stop)
    )


def layout_of(files: Sequence[tuple[str, bytes]], at: datetime = AT) -> Layout:
    return Layout([Member(name, len(content), at) for name, content in files])


@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=6, unique_by=lambda one: one[0]),
    st.data(),
)
def test_any_range_is_the_same_slice_of_an_archive_that_python_reads(files, data):
    layout, contents = layout_of(files), [content for _, content in files]
    whole = cut(layout, contents, 0, layout.size)
    assert len(whole) == layout.size
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert [(one.filename, archive.read(one)) for one in archive.infolist()] == files
    start = data.draw(st.integers(0, layout.size))
    stop = data.draw(st.integers(start, layout.size))
    assert cut(layout, contents, start, stop) == whole[start:stop]


def test_members_are_plain_files_with_their_time_and_a_checksum_in_front():
    files = [("été.jpg", b"abc")]
    layout = layout_of(files, AT + timedelta(seconds=1))
    whole = cut(layout, [b"abc"], 0, layout.size)
    (info,) = zipfile.ZipFile(io.BytesIO(whole)).infolist()
    assert info.date_time == (2026, 3, 9, 10, 11, 12)  # two seconds fine
    assert info.external_attr >> 16 == 0o100644
    assert info.compress_type == zipfile.ZIP_STORED
    assert info.flag_bits == 0x800  # UTF-8, and no descriptor behind the bytes
    assert whole[14:18] == zlib.crc32(b"abc").to_bytes(4, "little")
    assert int.from_bytes(info.extra[5:9], "little") == int(AT.timestamp()) + 1


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(1911, 5, 6, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2200, 5, 6, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
        (datetime(2026, 3, 9, 1, tzinfo=UTC).astimezone(), (2026, 3, 9, 1, 0, 0)),
    ],
)
def test_a_time_that_the_format_cannot_say_is_its_nearest(at, shown):
    layout = layout_of([("a", b"")], at)
    (info,) = zipfile.ZipFile(io.BytesIO(cut(layout, [b""], 0, layout.size))).infolist()
    assert info.date_time == shown


def test_a_name_that_the_format_cannot_say_is_refused():
    with pytest.raises(ValueError, match="65,535"):
        layout_of([("é" * 40_000, b"")])


@pytest.mark.slow
def test_seventy_thousand_members_are_counted_by_zip64():
    files = [(f"{number}", b"") for number in range(70_000)]
    layout = layout_of(files)
    whole = cut(layout, [b""] * len(files), 0, layout.size)
    assert b"PK\6\6" in whole[-100:]
    assert len(zipfile.ZipFile(io.BytesIO(whole)).infolist()) == 70_000


def test_small_archives_have_nothing_of_zip64():
    layout = layout_of([("a", b"x")])
    whole = cut(layout, [b"x"], 0, layout.size)
    assert b"PK\6\6" not in whole
    assert b"PK\6\7" not in whole


def test_members_and_offsets_beyond_4_gb_are_read_back(tmp_path: Path):
    """The bytes are holes of a file, so nothing but the layout is written."""
    big = 5 * 1024**3
    sizes = [big, 3, 0xFFFF_FFFF, 0xFFFF_FFFE, 4]
    layout = Layout([Member(f"m{number}", size, AT) for number, size in enumerate(sizes)])
    contents = [bytes(size) if size < 10 else b"" for size in sizes]  # of the rest no sum is read
    path = tmp_path / "big.zip"
    with path.open("wb") as out:
        for one in layout.stretches(0, layout.size):
            if one.kind is Kind.CONTENT:
                out.seek(sizes[one.index], io.SEEK_CUR)
            else:
                out.write(piece(layout, contents, one.kind, one.index))
    assert path.stat().st_size == layout.size
    with zipfile.ZipFile(path) as archive:
        assert [one.file_size for one in archive.infolist()] == sizes
        for info in archive.infolist():
            with archive.open(info) as member:
                assert member.read(2) == b"\0" * 2
