"""``If-*``, entity tags and dates: any value gives a verdict, and what was written is read again."""

from datetime import UTC, datetime

import atheris

from fuzz.harness import fuzz

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.rfc.validators import (
        Conditions,
        evaluate,
        format_http_date,
        if_range_holds,
        parse_etag,
        parse_etags,
        parse_http_date,
    )

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
METHODS = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")
SEEDS = (
    b'"abc"', b'W/"abc"', b"*", b'"a", W/"b" ,, "c"', b"Fri, 02 Jan 2026 03:04:05 GMT",
    b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994",
    b"Sat, 31 Dec 9999 23:59:60 GMT",
)  # fmt: skip


def target(data: bytes) -> None:
    texts = [line.decode("latin-1") or None for line in data.split(b"\n", 5)]
    method, match, none_match, since, until, spare = (texts + [None] * 6)[:6]
    evaluate(
        Conditions(match, none_match, since, until),
        method=METHODS[len(method or "") % len(METHODS)],
        etag='"abc"',
        last_modified=NOW,
        now=NOW,
    )
    for text in filter(None, (match, since, spare)):
        if_range_holds(text, etag='"abc"', last_modified=NOW, now=NOW)
        _require_same_again(text)


def _require_same_again(text: str) -> None:
    tag, tags = parse_etag(text), parse_etags(text)
    assert tag is None or (tags is not None and tags.tags == (tag,))
    date = parse_http_date(text, now=NOW)
    assert date is None or parse_http_date(format_http_date(date), now=NOW) == date


if __name__ == "__main__":
    fuzz(target, [b"\n".join((b"GET", seed, seed, seed, seed, seed)) for seed in SEEDS])
