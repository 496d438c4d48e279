from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import CimaiseError, Malformed, TooLarge
from cimaise.uploads.doors.multipart_form import (
    Event,
    Field,
    FileData,
    FileEnd,
    FileStart,
    Form,
)
from cimaise.uploads.doors.multipart_reader import MAX_FIELD_BYTES, MAX_PARTS

TYPE = "multipart/form-data; boundary=XX"


def part(disposition: str, body: bytes, content_type: str = "") -> bytes:
    head = f"--XX\r\nContent-Disposition: form-data; {disposition}\r\n"
    if content_type:
        head += f"Content-Type: {content_type}\r\n"
    return head.encode() + b"\r\n" + body + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XX--\r\n"


async def events(body: bytes, step: int = 100_000, content_type: str = TYPE) -> list[Event]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    return joined([event async for event in Form(chunks(), content_type)])


def joined(found: list[Event]) -> list[Event]:
    """Neighbouring pieces of one file as one."""
    whole: list[Event] = []
    for event in found:
        if isinstance(event, FileData) and whole and isinstance(whole[-1], FileData):
            whole[-1] = FileData(bytes(whole[-1].chunk) + event.chunk)
        else:
            whole.append(event)
    return whole


BODY = form(
    part('name="title"', "Grüße".encode()),
    part('name="file"; filename="a.bin"', b"\r\n--X not a boundary\r\n--XY", "image/png"),
    part('name="note"', b""),
)
EXPECTED = [
    Field("title", "Grüße"),
    FileStart("file", "a.bin", "image/png"),
    FileData(b"\r\n--X not a boundary\r\n--XY"),
    FileEnd(),
    Field("note", ""),
]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 11, 64, 10_000])
async def test_a_form_is_read_the_same_however_it_is_cut(step: int):
    assert await events(BODY, step) == EXPECTED


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 50))
async def test_any_file_comes_back_byte_for_byte(bodies: list[bytes], step: int):
    found = await events(
        form(*(part('name="file"; filename="x"', body) for body in bodies if b"--XX" not in body)),
        step,
    )
    chunks = [event.chunk for event in found if isinstance(event, FileData)]
    assert chunks == [body for body in bodies if body and b"--XX" not in body]


@given(st.binary(max_size=300), st.integers(1, 50))
async def test_any_bytes_are_events_or_a_foreseen_error(body: bytes, step: int):
    try:
        await events(b"--XX\r\n" + body, step)
    except CimaiseError as refusal:
        assert isinstance(refusal, Malformed)


@pytest.mark.parametrize("cut", range(1, len(BODY) - 4))
async def test_a_form_that_breaks_off_anywhere_is_refused(cut: int):
    with pytest.raises(Malformed):
        await events(BODY[:cut])


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=XX", "multipart/form-data; boundary=" + "x" * 500],
)  # fmt: skip
async def test_what_is_no_form_is_refused(content_type: str):
    with pytest.raises(Malformed):
        await events(BODY, content_type=content_type)


async def test_another_boundary_than_announced_is_refused():
    with pytest.raises(Malformed):
        await events(BODY, content_type="multipart/form-data; boundary=YY")


async def test_a_part_without_a_name_is_refused():
    with pytest.raises(Malformed):
        await events(form(b"--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n"))


async def test_names_are_read_as_browsers_write_them():
    found = await events(form(part('name="file"; filename="a%22b%0D%0A 日本.zip"', b"x")))
    assert found[0] == FileStart("file", 'a"b\r\n 日本.zip', None)


async def test_too_many_parts_and_too_long_fields_are_refused():
    with pytest.raises(TooLarge):
        await events(form(*(part('name="x"', b"") for _ in range(MAX_PARTS + 1))))
    with pytest.raises(TooLarge):
        await events(form(part('name="x"', bytes(MAX_FIELD_BYTES + 1))))


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ("filename*=UTF-8''%e6%97%a5.zip", "日.zip"),
        ("filename=\"=?utf-8?B?x?=\"; filename*=utf-8'en'%E6%97%A5.zip", "日.zip"),
        ("filename*=iso-8859-1''%e9.zip", "é.zip"),
        ("filename=\"a; filename*=UTF-8''x.zip\"", "a; filename*=UTF-8''x.zip"),
        ('filename="a\\"b.zip"', 'a"b.zip'),
        ("filename=a.zip", "a.zip"),
        ('filename=""', ""),
    ],
)
async def test_both_ways_to_write_a_name_are_read(disposition: str, filename: str):
    found = await events(form(part(f'name="file"; {disposition}', b"x")))
    assert found == [FileStart("file", filename, None), FileData(b"x"), FileEnd()]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''%ff",
        b"Content-Disposition: form-data; name=\"f\"; filename*=klingon''a",
        b'Content-Disposition: form-data; name="f"\r\nContent-Type: multipart/mixed; boundary=YY',
        b'Content-Disposition: form-data; name="f"\r\nContent-Transfer-Encoding: base64',
        b'Content-Disposition: attachment; name="f"',
        b"Content-Disposition: form-data",
        b"X: y",
        b'Content-Disposition: form-data; name="' + b"n" * 9000 + b'"',
        b"\r\n".join(b"X-%d: y" % number for number in range(20)),
        b"X" * 100_000,
    ],
)
async def test_heads_that_nobody_sends_are_refused(head: bytes):
    with pytest.raises(Malformed):
        await events(b"--XX\r\n" + head + b"\r\n\r\nx\r\n--XX--\r\n")


async def test_nothing_may_stand_before_the_form_and_what_stands_behind_it_is_nobodys():
    body = form(part('name="a"', b"1"))
    assert await events(body + b"epilogue\r\n--XX\r\nnothing") == [Field("a", "1")]
    with pytest.raises(Malformed):
        await events(b"preamble\r\n" + body)


@pytest.mark.parametrize("step", [1, 3, 100_000])
async def test_only_line_breaks_may_stand_before_the_form_however_it_is_cut(step: int):
    body = form(part('name="a"', b"1"))
    assert await events(b"\r\n\n" + body, step) == [Field("a", "1")]
    with pytest.raises(Malformed):
        await events(b"\r\npreamble\r\n" + body, step)
