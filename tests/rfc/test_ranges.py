"""Reading ranges, laying them over a file, and putting several into one answer."""

from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import RangeNotSatisfiable
from cimaise.rfc.ranges import (
    MAX_RANGES,
    ByteRange,
    RangeSpec,
    closing_delimiter,
    format_content_range,
    format_unsatisfied,
    multipart_length,
    multipart_type,
    parse_range,
    part_head,
    resolve_ranges,
)

POSITIONS = st.integers(0, 300)
SPECS = st.one_of(
    st.builds(lambda a, b: RangeSpec(min(a, b), max(a, b)), POSITIONS, POSITIONS),
    st.builds(RangeSpec, POSITIONS, st.none()),
    st.builds(RangeSpec, st.none(), POSITIONS),
)
SIZES = st.integers(0, 200)
BOUNDARY = "c0ffee"


def written(spec: RangeSpec) -> str:
    return "-".join("" if end is None else str(end) for end in (spec.first, spec.last))


def bytes_of(spec: RangeSpec, size: int) -> set[int]:
    """What a range means, byte by byte."""
    if spec.first is None:
        assert spec.last is not None
        return {place for place in range(size) if place >= size - spec.last}
    last = size if spec.last is None else spec.last
    return {place for place in range(size) if spec.first <= place <= last}


@pytest.mark.parametrize(
    ("header", "specs"),
    [
        ("bytes=0-499", (RangeSpec(0, 499),)),
        ("bytes=500-", (RangeSpec(500, None),)),
        ("bytes=-500", (RangeSpec(None, 500),)),
        ("bytes=-0", (RangeSpec(None, 0),)),
        ("bytes=0-0,-1", (RangeSpec(0, 0), RangeSpec(None, 1))),
        ("BYTES=0-1", (RangeSpec(0, 1),)),
        ("  bytes=0-1\t", (RangeSpec(0, 1),)),
        ("bytes=0-1 ,\t2-3", (RangeSpec(0, 1), RangeSpec(2, 3))),
        ("bytes=,0-1,, 2-3,", (RangeSpec(0, 1), RangeSpec(2, 3))),
        ("bytes= ,0-1", (RangeSpec(0, 1),)),
        ("bytes=0000000000000000000000000000000000000007-8", (RangeSpec(7, 8),)),
    ],
)
def test_what_the_grammar_allows_is_read(header, specs):
    assert parse_range(header) == specs


@pytest.mark.parametrize(
    "header",
    [
        None, "", "bytes", "bytes=", "bytes=,", "bytes= , ", "bytes=-", "bytes=--1", "bytes=1--2",
        "bytes=5-4", "bytes=0-1,5-4", "bytes=a-b", "bytes=0-1,x", "bytes=0x1-2", "bytes=+1-2",
        "bytes=1_0-20", "bytes=1.0-2", "bytes=0 -1", "bytes=0- 1", "bytes= 0-1", "bytes =0-1",
        "bytes:0-1", "items=0-1", "bytes=0-1;2-3", "bytes=0-1, bytes=2-3", "bytes=0-1-2",
        "bytes=\u0661-\u0662", "bytes=\u00b2-", "bytes=\uff10-\uff11", "bytes=0-1\n", "bytes=0-\x001",
        "bytes=*/10", "bytes==0-1", "none",
    ],
)  # fmt: skip
def test_what_is_absent_foreign_or_malformed_does_not_count(header):
    assert parse_range(header) is None


@pytest.mark.parametrize("digits", [30, 31, 4300, 5000, 60_000])
def test_positions_beyond_every_number_are_read_and_lie_outside(digits):
    huge = "9" * digits
    assert resolve_ranges(parse_range(f"bytes=5-{huge}") or (), 10) == (ByteRange(5, 10),)
    assert resolve_ranges(parse_range(f"bytes=-{huge}") or (), 10) == (ByteRange(0, 10),)
    with pytest.raises(RangeNotSatisfiable):
        resolve_ranges(parse_range(f"bytes={huge}-") or (), 10)


def test_a_range_of_ten_to_the_thirty_is_exact():
    assert parse_range(f"bytes={10**30 - 1}-{10**30}") == (RangeSpec(10**30 - 1, 10**30),)


def test_sixteen_ranges_count_and_seventeen_do_not():
    pieces = [f"{place * 10}-{place * 10 + 1}" for place in range(17)]
    assert len(parse_range("bytes=" + ",".join(pieces[:16])) or ()) == MAX_RANGES
    assert parse_range("bytes=" + ",".join(pieces)) is None


@given(st.lists(SPECS, min_size=1, max_size=MAX_RANGES))
def test_what_is_written_is_read_back(specs):
    assert parse_range("bytes=" + ", ".join(map(written, specs))) == tuple(specs)


@given(st.one_of(st.text(), st.text("bytes=-, \t0123456789").map("bytes={}".format)))
def test_no_header_is_too_odd_to_be_read(header):
    specs = parse_range(header)
    assert specs is None or 1 <= len(specs) <= MAX_RANGES


@pytest.mark.parametrize(
    ("header", "size", "spans"),
    [
        ("bytes=0-0", 10, [(0, 1)]),
        ("bytes=0-", 10, [(0, 10)]),
        ("bytes=9-", 10, [(9, 10)]),
        ("bytes=5-99", 10, [(5, 10)]),
        ("bytes=-3", 10, [(7, 10)]),
        ("bytes=-99", 10, [(0, 10)]),
        ("bytes=0-0,-1", 10, [(0, 1), (9, 10)]),
        ("bytes=8-9,0-1", 10, [(8, 10), (0, 2)]),
        ("bytes=0-1,50-", 10, [(0, 2)]),
        ("bytes=0-4,5-9", 10, [(0, 5), (5, 10)]),
        ("bytes=0-4,4-9", 10, [(0, 10)]),
        ("bytes=8-9,0-2,2-4,1-1", 10, [(8, 10), (0, 5)]),
        ("bytes=6-7,0-1,5-6", 10, [(5, 8), (0, 2)]),
    ],
)
def test_ranges_are_laid_over_a_file(header, size, spans):
    assert resolve_ranges(parse_range(header) or (), size) == tuple(ByteRange(*s) for s in spans)


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=99-100,10-11", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)],
)  # fmt: skip
def test_a_range_past_the_end_is_refused_with_the_size(header, size):
    with pytest.raises(RangeNotSatisfiable) as refused:
        resolve_ranges(parse_range(header) or (), size)
    assert refused.value.size == size


@given(st.lists(SPECS, min_size=1, max_size=MAX_RANGES), SIZES)
def test_exactly_the_wanted_bytes_are_sent_and_none_twice(specs, size):
    wanted = set().union(*(bytes_of(spec, size) for spec in specs))
    if not wanted:
        with pytest.raises(RangeNotSatisfiable):
            resolve_ranges(specs, size)
        return
    spans = resolve_ranges(specs, size)
    sent = [place for span in spans for place in range(span.start, span.stop)]
    assert len(sent) == len(set(sent))
    assert set(sent) == wanted


@given(st.lists(SPECS, min_size=1, max_size=MAX_RANGES), SIZES)
def test_parts_stand_in_the_order_of_their_earliest_range(specs, size):
    if not any(bytes_of(spec, size) for spec in specs):
        return
    spans = resolve_ranges(specs, size)
    places = [
        min(
            place
            for place, spec in enumerate(specs)
            if (found := bytes_of(spec, size)) and span.start <= min(found) < span.stop
        )
        for span in spans
    ]
    assert places == sorted(places)


def test_content_range_is_inclusive():
    assert format_content_range(ByteRange(0, 500), 1234) == "bytes 0-499/1234"
    assert format_unsatisfied(1234) == "bytes */1234"


def several(body: bytes, spans: tuple[ByteRange, ...], media_type: str) -> bytes:
    sent = b""
    for place, span in enumerate(spans):
        sent += part_head(
            span, len(body), media_type=media_type, boundary=BOUNDARY, is_first=place == 0
        )
        sent += body[span.start : span.stop]
    return sent + closing_delimiter(BOUNDARY)


def test_several_parts_look_as_the_standard_shows_them():
    assert several(b"0123456789", (ByteRange(0, 2), ByteRange(8, 10)), "text/plain") == (
        b"--c0ffee\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
        b"\r\n--c0ffee\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
        b"\r\n--c0ffee--\r\n"
    )


@given(
    st.binary(min_size=1, max_size=200),
    st.lists(SPECS, min_size=2, max_size=MAX_RANGES),
    st.sampled_from(["image/jpeg", "video/mp4", "application/octet-stream"]),
)
def test_several_parts_have_the_promised_length_and_are_read_back(body, specs, media_type):
    if not any(bytes_of(spec, len(body)) for spec in specs):
        return
    spans = resolve_ranges(specs, len(body))
    sent = several(body, spans, media_type)
    length = multipart_length(spans, len(body), media_type=media_type, boundary=BOUNDARY)
    assert length == len(sent)

    head = f"Content-Type: {multipart_type(BOUNDARY)}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + sent).get_payload()
    assert len(parts) == len(spans)
    for part, span in zip(parts, spans, strict=True):
        assert part.get_content_type() == media_type
        assert part["Content-Range"] == format_content_range(span, len(body))
