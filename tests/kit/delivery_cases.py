# ruff: noqa: RUF005 - chapters are put together from lists of rows
"""RFC 9110, sections 13 to 15, as rows: what is asked for, and what has to come back.

``{etag}``, ``{date}``, ``{size}`` and their neighbours are filled in for whatever is asked: see
:func:`tests.kit.delivery_client.filled`. A span is a slice: ``(-5, None)`` are the last five bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

Span = tuple[int | None, int | None]
WHOLE: Final[tuple[Span, ...]] = ((0, None),)
OTHER: Final = '"0123456789abcdef"'
LONG_AGO: Final = "Mon, 01 Jan 2001 00:00:00 GMT"


@dataclass(frozen=True)
class Case:
    """One request and its answer.

    Attributes:
        headers: In order; a name may come twice.
        status: Of the answer.
        spans: The bytes of a 200 or 206, in the order of the parts.
        method: Of the request.
        undated: The status where there is no ``Last-Modified``; ``None``: the same.
    """

    headers: tuple[tuple[str, str], ...]
    status: int
    spans: tuple[Span, ...] = ()
    method: str = "GET"
    undated: int | None = None

    def for_head(self) -> "Case":
        """The same for HEAD: ``Range`` is for GET alone (§14.2), the rest is alike (§9.3.2)."""

        def without_range(status: int) -> int:
            return 200 if status in (206, 416) else status

        undated = None if self.undated is None else without_range(self.undated)
        status = without_range(self.status)
        spans = WHOLE if status == 200 else ()
        return replace(self, method="HEAD", status=status, spans=spans, undated=undated)


def _one(value: str, start: int | None, stop: int | None) -> Case:
    return Case((("Range", value),), 206, ((start, stop),))


def _several(value: str, *spans: Span) -> Case:
    return Case((("Range", value),), 206, spans)


def _whole(*headers: tuple[str, str]) -> Case:
    return Case(headers, 200, WHOLE)


def _status(status: int, *headers: tuple[str, str]) -> Case:
    return Case(headers, status, WHOLE if status == 200 else ())


def _ranged(status: int, *headers: tuple[str, str]) -> Case:
    """With ``Range: bytes=0-9`` beside the conditions."""
    spans = {200: WHOLE, 206: ((0, 10),)}.get(status, ())
    return Case((("Range", "bytes=0-9"), *headers), status, spans)


ONE_RANGE: Final = (
    _one("bytes=0-0", 0, 1),
    _one("bytes=0-1", 0, 2),
    _one("bytes=0-9", 0, 10),
    _one("bytes=1-1", 1, 2),
    _one("bytes=1-10", 1, 11),
    _one("bytes=99-199", 99, 200),
    _one("bytes=0-{last}", 0, None),
    _one("bytes=0-{size}", 0, None),
    _one("bytes=0-{beyond}", 0, None),
    _one("bytes=1-{beyond}", 1, None),
    _one("bytes=0-", 0, None),
    _one("bytes=1-", 1, None),
    _one("bytes=100-", 100, None),
    _one("bytes={last}-", -1, None),
    _one("bytes={last}-{last}", -1, None),
    _one("bytes={last}-{size}", -1, None),
    _one("bytes=-1", -1, None),
    _one("bytes=-5", -5, None),
    _one("bytes=-100", -100, None),
    _one("bytes=-{last}", 1, None),
    _one("bytes=-{size}", 0, None),
    _one("bytes=-{beyond}", 0, None),
    # more digits than any machine's number has
    _one("bytes=0-18446744073709551615", 0, None),
    _one("bytes=0-18446744073709551616", 0, None),
    _one("bytes=5-99999999999999999999999999999999", 5, None),
    _one("bytes=5-" + "9" * 1000, 5, None),
    _one("bytes=-" + "9" * 1000, 0, None),
    _one("bytes=" + "0" * 1000 + "7-8", 7, 9),
    _one("bytes=00-01", 0, 2),
    _one("bytes=007-0008", 7, 9),
    # the unit is a token, and those have no case (§14.1)
    _one("Bytes=0-1", 0, 2),
    _one("BYTES=0-1", 0, 2),
    _one("bYtEs=0-1", 0, 2),
    # white space around commas, empty members (§5.6.1)
    _one("bytes=0-1,", 0, 2),
    _one("bytes=,0-1", 0, 2),
    _one("bytes=,,,0-1,,,", 0, 2),
    _one("bytes= ,0-1", 0, 2),
    _one("bytes=\t,0-1\t,", 0, 2),
    _one("bytes=0-1 , ,", 0, 2),
    # several that are one: those that overlap are joined (§15.3.7.2)
    _one("bytes=0-9,5-20", 0, 21),
    _one("bytes=5-20,0-9", 0, 21),
    _one("bytes=0-9,0-9", 0, 10),
    _one("bytes=0-9,0-9,0-9,0-9,0-9,0-9,0-9", 0, 10),
    _one("bytes=0-,0-,0-,0-,0-,0-,0-,0-", 0, None),
    _one("bytes=0-,-1", 0, None),
    _one("bytes=1-,-1,5-6", 1, None),
    _one("bytes=0-9,{size}-", 0, 10),
    _one("bytes={size}-,0-9", 0, 10),
    _one("bytes={beyond}-,-3", -3, None),
    _one("bytes=-0,0-0", 0, 1),
)

SEVERAL_RANGES: Final = (
    _several("bytes=0-1,4-5", (0, 2), (4, 6)),
    _several("bytes=0-1, 4-5", (0, 2), (4, 6)),
    _several("bytes=0-1\t,\t4-5", (0, 2), (4, 6)),
    _several("bytes=0-1,,4-5", (0, 2), (4, 6)),
    _several("bytes=4-5,0-1", (4, 6), (0, 2)),
    _several("bytes=0-0,-1", (0, 1), (-1, None)),
    _several("bytes=-1,0-0", (-1, None), (0, 1)),
    _several("bytes=0-0,{last}-", (0, 1), (-1, None)),
    _several("bytes=0-1,100-101,-2", (0, 2), (100, 102), (-2, None)),
    _several("bytes=-2,100-101,0-1", (-2, None), (100, 102), (0, 2)),
    _several("bytes=0-9,10-19", (0, 10), (10, 20)),
    _several("bytes=10-19,0-9", (10, 20), (0, 10)),
    _several("bytes=0-9,20-29,5-15", (0, 16), (20, 30)),
    _several("bytes=20-29,0-9,25-40", (20, 41), (0, 10)),
    _several("bytes=0-1,4-5,{size}-", (0, 2), (4, 6)),
    _several("bytes={beyond}-,0-1,4-5", (0, 2), (4, 6)),
    _several("bytes=0-1,-0,4-5", (0, 2), (4, 6)),
    _several("bytes=0-1,4-{beyond}", (0, 2), (4, None)),
    _several("BYTES=0-1,4-5", (0, 2), (4, 6)),
    _several("bytes=" + ",".join(f"{n * 4}-{n * 4}" for n in range(3)), (0, 1), (4, 5), (8, 9)),
    _several(
        "bytes=" + ",".join(f"{n * 10}-{n * 10 + 1}" for n in range(16)),
        *((n * 10, n * 10 + 2) for n in range(16)),
    ),
    _several(
        "bytes=" + ",".join(f"{n * 10}-{n * 10 + 1}" for n in reversed(range(16))),
        *((n * 10, n * 10 + 2) for n in reversed(range(16))),
    ),
    _several(
        "bytes=" + ",".join(f"{n * 2}-{n * 2}" for n in range(15)) + ",-1",
        *((n * 2, n * 2 + 1) for n in range(15)),
        (-1, None),
    ),
)

NO_RANGE: Final = tuple(
    _whole(("Range", value))
    for value in (
        "bytes", "bytes=", "bytes= ", "bytes=,", "bytes=,,,", "bytes=-", "bytes=--", "bytes=--1",
        "bytes=0", "bytes=1", "bytes=a-b", "bytes=0-b", "bytes=a-1", "bytes=0x0-0x9", "bytes=5-1",
        "bytes=1-0", "bytes=0-1-2", "bytes=0--1", "bytes=-1-", "bytes=+0-1", "bytes=0-+1",
        "bytes=0.0-1.0", "bytes=0-1;", "bytes=0-1;q=1", "bytes=0-1/10", "bytes=0-1/*",
        "bytes 0-1", "bytes:0-1", "bytes =0-1", "bytes= 0-1", "bytes=\t0-1", "bytes=0 -1",
        "bytes=0- 1", "bytes=0 - 1", "bytes=0-1 2-3", "bytes=0-1;2-3", "bytes=0-1&2-3",
        "bytes=0-9,5-1", "bytes=0-1,x", "bytes=x,0-1", "bytes=0-1,bytes=2-3", "bytes==0-1",
        "=0-1", "0-1", "-1", "byte=0-1", "bytess=0-1", "items=0-1", "seconds=0-1", "none=0-1",
        "none", "*", "bytes=*", "bytes=*-*", "bytes=\u00b2-\u00b3", "bytes=0-\u00b9",
        "\u00a0bytes=0-1", "bytes=1e3-1e4", "'bytes=0-1'", '"bytes=0-1"',
        "bytes=" + ",".join(["0-0"] * 17),
        "bytes=" + ",".join(f"{n * 10}-{n * 10}" for n in range(17)),
        "bytes=" + ",".join(f"{n}-" for n in range(1000)),
        "bytes=" + "0-," * 1300,
        "bytes=" + "-" * 4000,
    )
) + (
    _whole(),
    _whole(("Range", "bytes=0-1"), ("Range", "bytes=4-5")),
    _whole(("Range", "")),
)  # fmt: skip

OUTSIDE: Final = tuple(
    _status(416, ("Range", value))
    for value in (
        "bytes={size}-", "bytes={size}-{size}", "bytes={size}-{beyond}", "bytes={beyond}-",
        "bytes={beyond}-{beyond}", "bytes=-0", "bytes=-00", "bytes=-0,-0", "bytes={size}-,-0",
        "bytes={size}-,{beyond}-", "bytes={beyond}-,{size}-{size},-0", "Bytes={size}-",
        "bytes=18446744073709551615-", "bytes=18446744073709551616-",
        "bytes=" + "9" * 1000 + "-", "bytes=" + "9" * 999 + "-" + "9" * 1000,
        "bytes=,{size}-,", "bytes=" + ",".join(["{size}-"] * 16),
    )
)  # fmt: skip

IF_NONE_MATCH: Final = tuple(
    _status(status, ("If-None-Match", value))
    for value, status in (
        ("{etag}", 304), ("W/{etag}", 304), ("*", 304), (" {etag} ", 304), ("\t{etag}", 304),
        (" * ", 304), (OTHER, 200), ("W/" + OTHER, 200), ('""', 200), ('W/""', 200),
        ("{etag}, " + OTHER, 304), (OTHER + ", {etag}", 304), (OTHER + ",{etag}", 304),
        (OTHER + ", W/{etag}", 304), (OTHER + ',"a","b" , {etag}', 304), (",{etag},", 304),
        (", ,{etag}", 304), (OTHER + ', "x", W/"y"', 200), ("{etag}x", 200), ("x{etag}", 200),
        ("{bare}", 200), ("'{bare}'", 200), ('"{bare}', 200), ('{bare}"', 200), ("w/{etag}", 200),
        ("W{etag}", 200), ("W /{etag}", 200), ("W/ {etag}", 200), ('"{bare} "', 200),
        ('" {bare}"', 200), ("{upper}", 200), ("*, {etag}", 200), ("{etag}, *", 200), ("**", 200),
        ('"*"', 200), ("", 200), (",", 200), ("{etag} " + OTHER, 200), ("{etag};" + OTHER, 200),
        ('"a\\"b", {etag}', 200), ('"\u00e9", {etag}', 304), (OTHER + "," * 500 + "{etag}", 304),
        (",".join([OTHER] * 150) + ",{etag}", 304), ('"' + "x" * 3000 + '"', 200),
    )
) + (
    _status(304, ("If-None-Match", OTHER), ("If-None-Match", "{etag}")),
    _status(200, ("If-None-Match", OTHER), ("If-None-Match", '"x"')),
)  # fmt: skip

IF_MATCH: Final = tuple(
    _status(status, ("If-Match", value))
    for value, status in (
        ("{etag}", 200), ("*", 200), (" {etag} ", 200), (" *\t", 200), ("{etag}, " + OTHER, 200),
        (OTHER + ", {etag}", 200), (OTHER + ",,{etag},", 200), ("W/" + OTHER + ", {etag}", 200),
        (OTHER, 412), ("W/{etag}", 412), ("W/" + OTHER, 412), (OTHER + ", W/{etag}", 412),
        ('""', 412), ("", 412), (",", 412), ("{bare}", 412), ("w/{etag}", 412), ("{etag}x", 412),
        ('"{bare}', 412), ("{upper}", 412), ("'{bare}'", 412), ("*, {etag}", 412), ("{etag}, *", 412),
        ('"*"', 412), ("{etag} " + OTHER, 412), ('"{bare} "', 412),
    )
) + (_status(200, ("If-Match", OTHER), ("If-Match", "{etag}")),)  # fmt: skip

IF_RANGE: Final = tuple(
    _ranged(status, ("If-Range", value))
    for value, status in (
        ("{etag}", 206), (" {etag} ", 206), ("W/{etag}", 200), (OTHER, 200), ("W/" + OTHER, 200),
        ("*", 200), ("{bare}", 200), ("{etag}, " + OTHER, 200), (OTHER + ", {etag}", 200),
        ("{etag},", 200), ('""', 200), ("", 200), ("{upper}", 200), ("w/{etag}", 200),
        ("yesterday", 200), ("0", 200), (LONG_AGO, 200), ("Sun, 06 Nov 1994", 200),
    )
) + (
    _whole(("If-Range", "{etag}")),
    _whole(("If-Range", OTHER)),
    _status(416, ("Range", "bytes={size}-"), ("If-Range", "{etag}")),
    _whole(("Range", "bytes={size}-"), ("If-Range", OTHER)),
    _whole(("Range", "bytes={size}-"), ("If-Range", "W/{etag}")),
    _whole(("Range", "bytes=x"), ("If-Range", "{etag}")),
    Case((("Range", "bytes=0-1,4-5"), ("If-Range", "{etag}")), 206, ((0, 2), (4, 6))),
    _whole(("Range", "bytes=0-1,4-5"), ("If-Range", OTHER)),
)  # fmt: skip

PRECEDENCE: Final = (
    # If-Match before If-None-Match before Range (§13.2.2)
    _status(304, ("If-Match", "{etag}"), ("If-None-Match", "{etag}")),
    _status(412, ("If-Match", OTHER), ("If-None-Match", "{etag}")),
    _status(412, ("If-Match", OTHER), ("If-None-Match", OTHER)),
    _status(200, ("If-Match", "*"), ("If-None-Match", OTHER)),
    _status(304, ("If-Match", "*"), ("If-None-Match", "*")),
    _ranged(206, ("If-Match", "{etag}")),
    _ranged(412, ("If-Match", OTHER)),
    _ranged(304, ("If-None-Match", "{etag}")),
    _ranged(206, ("If-None-Match", OTHER)),
    _ranged(206, ("If-Match", "{etag}"), ("If-None-Match", OTHER), ("If-Range", "{etag}")),
    _ranged(200, ("If-Match", "{etag}"), ("If-None-Match", OTHER), ("If-Range", OTHER)),
    _ranged(412, ("If-Match", OTHER), ("If-Range", "{etag}")),
    _ranged(304, ("If-None-Match", "{etag}"), ("If-Range", OTHER)),
    _status(304, ("Range", "bytes={size}-"), ("If-None-Match", "{etag}")),
    _status(412, ("Range", "bytes={size}-"), ("If-Match", OTHER)),
    _status(416, ("Range", "bytes={size}-"), ("If-Match", "{etag}")),
    _status(416, ("Range", "bytes={size}-"), ("If-None-Match", OTHER)),
)


def _dated(status: int, undated: int, *headers: tuple[str, str]) -> Case:
    """Where there is no date, conditions about it are ignored (§13.1.3, §13.1.4)."""
    return replace(_status(status, *headers), undated=undated)


DATES: Final = tuple(
    _dated(status, 200, ("If-Modified-Since", value))
    for value, status in (
        ("{date}", 304), ("{after}", 304), ("{before}", 200), (LONG_AGO, 200), ("{rfc850}", 304),
        ("{asctime}", 304), (" {date} ", 304), ("Fri, 31 Dec 9999 23:59:59 GMT", 304),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 200), ("Sun Nov  6 08:49:37 1994", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200), ("Mon, 01 Jan 0001 00:00:00 GMT", 200),
        ("{wrongday}", 304),
        # what is no date is ignored
        ("yesterday", 200), ("", 200), ("0", 200), ("9999999999", 200), ("{date}, {date}", 200),
        ("Fri, 31 Dec 9999 23:59:59 UTC", 200), ("Fri, 31 Dec 9999 23:59:59 +0000", 200),
        ("Fri, 32 Dec 9999 23:59:59 GMT", 200), ("Fri, 31 Foo 9999 23:59:59 GMT", 200),
        ("Fri, 30 Feb 9999 23:59:59 GMT", 200), ("Fri, 31 Dec 9999 24:00:00 GMT", 200),
        ("Fri, 31 Dec 9999 23:60:00 GMT", 200), ("fri, 31 dec 9999 23:59:59 gmt", 200),
        ("9999-12-31T23:59:59Z", 200), ("31 Dec 9999 23:59:59 GMT", 200), ("{etag}", 200),
    )
) + tuple(
    _dated(status, 200, ("If-Unmodified-Since", value))
    for value, status in (
        ("{date}", 200), ("{after}", 200), ("{before}", 412), (LONG_AGO, 412), ("{rfc850}", 200),
        ("{asctime}", 200), ("Sun Nov  6 08:49:37 1994", 412),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 412), ("yesterday", 200), ("", 200), ("0", 200),
        ("Fri, 30 Feb 2001 23:59:59 GMT", 200), ("2001-01-01T00:00:00Z", 200),
    )
) + (
    # tags before dates (§13.1.3, §13.1.4)
    _dated(200, 200, ("If-Modified-Since", "{date}"), ("If-None-Match", OTHER)),
    _dated(304, 304, ("If-Modified-Since", LONG_AGO), ("If-None-Match", "{etag}")),
    _dated(200, 200, ("If-Modified-Since", "{date}"), ("If-None-Match", "garbage")),
    _dated(200, 200, ("If-Unmodified-Since", LONG_AGO), ("If-Match", "{etag}")),
    _dated(412, 412, ("If-Unmodified-Since", "{after}"), ("If-Match", OTHER)),
    _dated(412, 200, ("If-Unmodified-Since", LONG_AGO), ("If-Modified-Since", LONG_AGO)),
    _dated(304, 200, ("If-Unmodified-Since", "{date}"), ("If-Modified-Since", "{date}")),
    _dated(412, 304, ("If-Unmodified-Since", LONG_AGO), ("If-None-Match", "{etag}")),
    _dated(304, 304, ("If-Unmodified-Since", "{date}"), ("If-None-Match", "{etag}")),
    _dated(304, 200, ("If-Match", "{etag}"), ("If-Modified-Since", "{date}")),
) + tuple(
    replace(_ranged(status, *headers), undated=undated)
    for status, undated, headers in (
        # If-Range: exactly the date (§13.1.5)
        (206, 200, (("If-Range", "{date}"),)),
        (200, 200, (("If-Range", "{before}"),)),
        (200, 200, (("If-Range", "{after}"),)),
        (206, 200, (("If-Range", "{rfc850}"),)),
        (206, 200, (("If-Range", "{asctime}"),)),
        (200, 200, (("If-Range", "{date}, {date}"),)),
        (304, 206, (("If-Modified-Since", "{date}"),)),
        (206, 206, (("If-Modified-Since", LONG_AGO),)),
        (412, 206, (("If-Unmodified-Since", LONG_AGO),)),
        (206, 200, (("If-Unmodified-Since", "{date}"), ("If-Range", "{date}"))),
    )
)  # fmt: skip

CHAPTERS: Final[dict[str, tuple[Case, ...]]] = {
    "one-range": ONE_RANGE,
    "several-ranges": SEVERAL_RANGES,
    "no-range": NO_RANGE,
    "outside": OUTSIDE,
    "if-none-match": IF_NONE_MATCH,
    "if-match": IF_MATCH,
    "if-range": IF_RANGE,
    "precedence": PRECEDENCE,
    "dates": DATES,
}


def both_methods(cases: Iterable[Case]) -> list[Case]:
    """Each for GET and for HEAD."""
    return [one for case in cases for one in (case, case.for_head())]
