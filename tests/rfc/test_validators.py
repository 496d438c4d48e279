"""Entity tags, dates and conditional requests."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.rfc.validators import (
    Conditions,
    EntityTag,
    EntityTags,
    Verdict,
    evaluate,
    format_http_date,
    if_range_holds,
    matches_strongly,
    matches_weakly,
    parse_etag,
    parse_etags,
    parse_http_date,
)

NOW = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
CHANGED_AT = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
AT = "Fri, 02 Jan 2026 03:04:05 GMT"
BEFORE = "Fri, 02 Jan 2026 03:04:04 GMT"
AFTER = "Fri, 02 Jan 2026 03:04:06 GMT"
PROCEED, NOT_MODIFIED, FAILED = Verdict

OPAQUE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'), max_size=20
)
TAGS = st.builds(EntityTag, OPAQUE, st.booleans())


def written(tag: EntityTag) -> str:
    return ("W/" if tag.is_weak else "") + f'"{tag.opaque}"'


def verdict(
    method: str = "GET",
    etag: str | None = '"v1"',
    last_modified: datetime | None = CHANGED_AT,
    **headers: str,
) -> Verdict:
    return evaluate(
        Conditions(**headers), method=method, etag=etag, last_modified=last_modified, now=NOW
    )


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a"', [("a", False)]),
        ('""', [("", False)]),
        ('W/"a"', [("a", True)]),
        ('"a", W/"b","c"', [("a", False), ("b", True), ("c", False)]),
        ('"a,b", "c"', [("a,b", False), ("c", False)]),
        ('\t"a" ,\t, "b" , ', [("a", False), ("b", False)]),
        ('"W/"', [("W/", False)]),
        ('"*"', [("*", False)]),
        ('"a\\"', [("a\\", False)]),
        ('"\xe9"', [("\xe9", False)]),
        ("", []),
        (" , ", []),
    ],
)
def test_lists_of_entity_tags_are_read(header, tags):
    assert parse_etags(header) == EntityTags(tuple(EntityTag(*tag) for tag in tags))


def test_a_star_alone_means_anything():
    assert parse_etags(" * ") == EntityTags(is_any=True)


@pytest.mark.parametrize(
    "header",
    ["a", '"a', 'a"', '"a" "b"', '"a""b"', 'w/"a"', 'W/ "a"', "W/", '*, "a"', '"a", *', "'a'",
     '"a b"', '"a\x00"', '"a\x7f"', '"a";', '"a\u0100"', '"a"\n', "**"],
)  # fmt: skip
def test_a_list_that_breaks_the_grammar_is_none(header):
    assert parse_etags(header) is None
    assert parse_etag(header) is None


@given(st.lists(TAGS, max_size=8))
def test_lists_of_entity_tags_are_read_back(tags):
    assert parse_etags(", ".join(map(written, tags))) == EntityTags(tuple(tags))


@given(TAGS)
def test_an_entity_tag_is_read_back(tag):
    assert parse_etag(written(tag)) == tag


@given(st.one_of(st.text(), st.text('"W/*, \tab')))
def test_no_list_is_too_odd_to_be_read(header):
    parse_etags(header)


@pytest.mark.parametrize(
    ("one", "other", "strongly", "weakly"),
    [
        ('W/"1"', 'W/"1"', False, True),
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', '"1"', True, True),
        ('"1"', '"2"', False, False),
    ],
)
def test_tags_compare_as_the_table_of_the_standard_says(one, other, strongly, weakly):
    first, second = parse_etag(one), parse_etag(other)
    assert first is not None
    assert second is not None
    assert matches_strongly(first, second) is matches_strongly(second, first) is strongly
    assert matches_weakly(first, second) is matches_weakly(second, first) is weakly


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
     " Sun, 06 Nov 1994 08:49:37 GMT\t"],
)  # fmt: skip
def test_all_three_forms_of_a_date_are_read(text):
    assert parse_http_date(text, now=NOW) == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "yesterday", "1994-11-06T08:49:37Z", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000", "sun, 06 nov 1994 08:49:37 gmt",
        "Son, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Okt 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Fri, 31 Dec 9999 23:59:60 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT; length=5", "Sun, 06 Nov 1994 08:49:37 GMT, x",
        "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text):
    assert parse_http_date(text, now=NOW) is None


def test_a_leap_second_is_the_one_after():
    read = parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", now=NOW)
    assert read == datetime(2017, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "year"),
    [
        ("Sunday, 06-Nov-94 08:49:37 GMT", NOW, 1994),
        ("Monday, 09-Mar-76 10:11:12 GMT", NOW, 2076),
        ("Monday, 09-Mar-76 10:11:13 GMT", NOW, 1976),
        ("Monday, 09-Mar-26 10:11:12 GMT", NOW, 2026),
        ("Monday, 09-Mar-05 10:11:12 GMT", NOW.replace(year=2099), 2105),
        ("Monday, 09-Mar-99 10:11:12 GMT", NOW.replace(year=2101), 2099),
        ("Monday, 29-Feb-28 00:00:00 GMT", datetime(2028, 2, 29, tzinfo=UTC), 2028),
        ("Monday, 09-Mar-76 10:11:12 GMT", NOW.astimezone(timezone(timedelta(hours=-9))), 2076),
    ],
)
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(text, now, year):
    read = parse_http_date(text, now=now)
    assert read is not None
    assert read.year == year


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])))
def test_dates_are_read_back_to_the_second(moment):
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        return
    text = format_http_date(moment)
    assert len(text) == len("Sun, 06 Nov 1994 08:49:37 GMT")
    assert parse_http_date(text, now=NOW) == utc.replace(microsecond=0)


def test_a_date_is_written_as_the_standard_shows_it():
    moment = datetime(1994, 11, 6, 9, 49, 37, 999_999, timezone(timedelta(hours=1)))
    assert format_http_date(moment) == "Sun, 06 Nov 1994 08:49:37 GMT"


@given(st.text())
def test_no_text_is_too_odd_to_be_looked_at_as_a_date(text):
    assert parse_http_date(text, now=NOW) is None


def test_without_conditions_everything_goes_on():
    assert verdict() is PROCEED
    assert verdict("PUT") is PROCEED


@pytest.mark.parametrize(
    ("headers", "get", "put"),
    [
        # step 1
        ({"if_match": '"v1"'}, PROCEED, PROCEED),
        ({"if_match": '"v0", "v1"'}, PROCEED, PROCEED),
        ({"if_match": "*"}, PROCEED, PROCEED),
        ({"if_match": '"v0"'}, FAILED, FAILED),
        ({"if_match": 'W/"v1"'}, FAILED, FAILED),
        ({"if_match": ""}, FAILED, FAILED),
        ({"if_match": "v1"}, FAILED, FAILED),
        # step 2, and that step 1 goes before it
        ({"if_unmodified_since": AT}, PROCEED, PROCEED),
        ({"if_unmodified_since": AFTER}, PROCEED, PROCEED),
        ({"if_unmodified_since": BEFORE}, FAILED, FAILED),
        ({"if_unmodified_since": "soon"}, PROCEED, PROCEED),
        ({"if_unmodified_since": f"{BEFORE}, {BEFORE}"}, PROCEED, PROCEED),
        ({"if_match": '"v1"', "if_unmodified_since": BEFORE}, PROCEED, PROCEED),
        ({"if_match": '"v0"', "if_unmodified_since": AFTER}, FAILED, FAILED),
        # step 3
        ({"if_none_match": '"v1"'}, NOT_MODIFIED, FAILED),
        ({"if_none_match": 'W/"v1"'}, NOT_MODIFIED, FAILED),
        ({"if_none_match": '"v0", "v1"'}, NOT_MODIFIED, FAILED),
        ({"if_none_match": "*"}, NOT_MODIFIED, FAILED),
        ({"if_none_match": '"v0"'}, PROCEED, PROCEED),
        ({"if_none_match": ""}, PROCEED, PROCEED),
        ({"if_none_match": "v1"}, PROCEED, FAILED),
        # step 4, and that step 3 goes before it
        ({"if_modified_since": AT}, NOT_MODIFIED, PROCEED),
        ({"if_modified_since": AFTER}, NOT_MODIFIED, PROCEED),
        ({"if_modified_since": BEFORE}, PROCEED, PROCEED),
        ({"if_modified_since": "soon"}, PROCEED, PROCEED),
        ({"if_none_match": '"v0"', "if_modified_since": AFTER}, PROCEED, PROCEED),
        ({"if_none_match": '"v1"', "if_modified_since": BEFORE}, NOT_MODIFIED, FAILED),
        # the first pair goes before the second
        ({"if_match": '"v0"', "if_none_match": '"v1"'}, FAILED, FAILED),
        ({"if_match": '"v1"', "if_none_match": '"v1"'}, NOT_MODIFIED, FAILED),
        ({"if_unmodified_since": BEFORE, "if_modified_since": AFTER}, FAILED, FAILED),
        ({"if_unmodified_since": AT, "if_modified_since": AT}, NOT_MODIFIED, PROCEED),
    ],
)
def test_conditions_are_decided_by_their_precedence(headers, get, put):
    assert verdict("GET", **headers) is verdict("HEAD", **headers) is get
    assert verdict("PUT", **headers) is verdict("DELETE", **headers) is put


@pytest.mark.parametrize(
    ("headers", "decided"),
    [
        ({"if_match": "*"}, FAILED),
        ({"if_match": '"v1"'}, FAILED),
        ({"if_none_match": "*"}, PROCEED),
        ({"if_none_match": '"v1"'}, PROCEED),
        ({"if_unmodified_since": BEFORE}, PROCEED),
    ],
)
def test_what_is_not_there_matches_nothing(headers, decided):
    assert verdict("PUT", None, None, **headers) is decided


def test_without_a_date_conditions_on_dates_are_ignored():
    assert verdict(last_modified=None, if_modified_since=AFTER) is PROCEED
    assert verdict(last_modified=None, if_unmodified_since=BEFORE) is PROCEED


def test_without_a_tag_a_star_still_matches_what_is_there():
    assert verdict(etag=None, if_match="*") is PROCEED
    assert verdict(etag=None, if_none_match="*") is NOT_MODIFIED
    assert verdict(etag=None, if_match='"v1"') is FAILED


def test_a_weak_tag_of_ours_matches_weakly_only():
    assert verdict(etag='W/"v1"', if_none_match='"v1"') is NOT_MODIFIED
    assert verdict(etag='W/"v1"', if_match='"v1"') is FAILED
    assert verdict(etag='W/"v1"', if_match='W/"v1"') is FAILED


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT"])
def test_methods_without_conditions_ignore_them(method):
    assert verdict(method, if_match='"v0"', if_none_match="*") is PROCEED


HEADERS = st.none() | st.text() | st.sampled_from(['"v1"', "*", 'W/"v1"', AT, BEFORE, AFTER])


@given(
    st.builds(Conditions, HEADERS, HEADERS, HEADERS, HEADERS),
    st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"]),
)
def test_only_reading_is_ever_answered_with_not_modified(conditions, method):
    found = evaluate(conditions, method=method, etag='"v1"', last_modified=CHANGED_AT, now=NOW)
    assert found is not NOT_MODIFIED or method in ("GET", "HEAD")


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        ('"v1"', True),
        (' "v1" ', True),
        ('"v0"', False),
        ('W/"v1"', False),
        ("*", False),
        ('"v1", "v1"', False),
        ("v1", False),
        ("", False),
        (AT, True),
        ("Friday, 02-Jan-26 03:04:05 GMT", True),
        (BEFORE, False),
        (AFTER, False),
    ],
)
def test_if_range_holds_for_the_very_same_version_only(header, holds):
    assert if_range_holds(header, etag='"v1"', last_modified=CHANGED_AT, now=NOW) is holds


def test_if_range_never_holds_for_a_weak_tag_or_without_a_validator():
    assert not if_range_holds('W/"v1"', etag='W/"v1"', last_modified=CHANGED_AT, now=NOW)
    assert not if_range_holds('"v1"', etag='W/"v1"', last_modified=CHANGED_AT, now=NOW)
    assert not if_range_holds('"v1"', etag=None, last_modified=CHANGED_AT, now=NOW)
    assert not if_range_holds(AT, etag='"v1"', last_modified=None, now=NOW)
