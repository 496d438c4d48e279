"""Entity tags, dates, and whether a conditional request goes on (RFC 9110 §5.6.7, §8.8, §13)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Final

_ETAG: Final = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*+)"'
_ONE_ETAG: Final = re.compile(_ETAG)
_LISTED_ETAG: Final = re.compile(rf"[ \t]*+(?:{_ETAG})?+[ \t]*+(?:,|\Z)")

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_DAY: Final = rf"(?:{'|'.join(_DAYS)})"
_LONG_DAY: Final = rf"(?:{'|'.join(_LONG_DAYS)})"
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_DATE_FORMS: Final = (
    re.compile(rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)
_LEAP_SECOND: Final = 60
_FUTURE_YEARS: Final = 50

_SAFE: Final = frozenset({"GET", "HEAD"})
_WITHOUT_CONDITIONS: Final = frozenset({"CONNECT", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True)
class EntityTag:
    """An entity tag; ``opaque`` is without its quotation marks (RFC 9110 §8.8.3)."""

    opaque: str
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class EntityTags:
    """The value of ``If-Match`` or ``If-None-Match``: tags, or ``*`` (RFC 9110 §13.1)."""

    tags: tuple[EntityTag, ...] = ()
    is_any: bool = False


def parse_etag(text: str) -> EntityTag | None:
    """Read one entity tag with its quotation marks (RFC 9110 §8.8.3); ``None`` if it is none."""
    match = _ONE_ETAG.fullmatch(text.strip(" \t"))
    return None if match is None else EntityTag(match[2], match[1] is not None)


def parse_etags(header: str) -> EntityTags | None:
    """Read ``If-Match`` or ``If-None-Match`` (RFC 9110 §13.1.1, §13.1.2).

    Returns:
        The tags in order (none for an empty list), or ``None`` where the grammar is broken.
    """
    if header.strip(" \t") == "*":
        return EntityTags(is_any=True)
    tags = []
    at = 0
    while at < len(header):
        match = _LISTED_ETAG.match(header, at)
        if match is None:
            return None
        if match[2] is not None:
            tags.append(EntityTag(match[2], match[1] is not None))
        at = match.end()
    return EntityTags(tuple(tags))


def matches_strongly(one: EntityTag, other: EntityTag) -> bool:
    """Are both strong and the same (RFC 9110 §8.8.3.2)?"""
    return one == other and not one.is_weak


def matches_weakly(one: EntityTag, other: EntityTag) -> bool:
    """Are both the same, weak or not (RFC 9110 §8.8.3.2)?"""
    return one.opaque == other.opaque


def parse_http_date(text: str, *, now: datetime) -> datetime | None:
    """Read a date in any of the three forms (RFC 9110 §5.6.7).

    The name of the day must be one, but not the right one. A year of two digits is the latest
    that is not more than 50 years after ``now``.

    Returns:
        Aware UTC, or ``None`` where it is no date.
    """
    for form in _DATE_FORMS:
        match = form.fullmatch(text.strip(" \t"))
        if match is not None:
            return _moment(match, now.astimezone(UTC))
    return None


def _moment(match: re.Match[str], now: datetime) -> datetime | None:
    month = _MONTHS.index(match["month"]) + 1
    day, hour, minute, second = (int(match[name]) for name in ("day", "hour", "minute", "second"))
    year = int(match["year"])
    if len(match["year"]) == len("94"):
        year += now.year - now.year % 100 + 100
        latest = (now.year + _FUTURE_YEARS, *now.timetuple()[1:6])
        while (year, month, day, hour, minute, second) > latest:
            year -= 100
    is_leap = (hour, minute, second) == (23, 59, _LEAP_SECOND)
    try:
        moment = datetime(year, month, day, hour, minute, second - is_leap, tzinfo=UTC)
        return moment + timedelta(seconds=is_leap)
    except (ValueError, OverflowError):
        return None


def format_http_date(moment: datetime) -> str:
    """Write an aware datetime in the one form that is to be sent (RFC 9110 §5.6.7)."""
    utc = moment.astimezone(UTC)
    day, month = _DAYS[utc.weekday()], _MONTHS[utc.month - 1]
    return (
        f"{day}, {utc.day:02} {month} {utc.year:04} "
        f"{utc.hour:02}:{utc.minute:02}:{utc.second:02} GMT"
    )


@dataclass(frozen=True, slots=True)
class Conditions:
    """Preconditions of a request: header values as they came, or ``None`` (RFC 9110 §13.1).

    ``If-Range`` is not among them: it decides about ``Range`` alone, by :func:`if_range_holds`.
    """

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


class Verdict(Enum):
    """What becomes of a conditional request."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    PRECONDITION_FAILED = auto()


@dataclass(frozen=True, slots=True)
class _Current:
    exists: bool
    tag: EntityTag | None
    second: datetime | None


def _current(etag: str | None, last_modified: datetime | None) -> _Current:
    tag = None if etag is None else parse_etag(etag)
    second = None if last_modified is None else last_modified.astimezone(UTC).replace(microsecond=0)
    return _Current(etag is not None or last_modified is not None, tag, second)


def evaluate(
    conditions: Conditions,
    *,
    method: str,
    etag: str | None,
    last_modified: datetime | None,
    now: datetime,
) -> Verdict:
    """Decide by the precedence of RFC 9110 §13.2.2.

    Dates that cannot be read are ignored, as the RFC wants. Lists of tags that cannot be read
    match nothing; and since nothing may be changed on a condition that nobody understood, an
    unreadable ``If-None-Match`` fails for other methods than GET and HEAD.

    Args:
        conditions: As they came.
        method: Upper case. CONNECT, OPTIONS and TRACE have no conditions (§13.2.1).
        etag: Of the current representation with its quotation marks, ``W/`` before a weak one.
        last_modified: Of the current representation, aware; compared in whole seconds. Where
            this and ``etag`` are both ``None`` there is no current representation.
        now: For years of two digits.
    """
    if method in _WITHOUT_CONDITIONS:
        return Verdict.PROCEED
    current = _current(etag, last_modified)
    if not _is_as_expected(conditions, current, now):
        return Verdict.PRECONDITION_FAILED
    if _is_new(conditions, current, method, now):
        return Verdict.PROCEED
    return Verdict.NOT_MODIFIED if method in _SAFE else Verdict.PRECONDITION_FAILED


def _is_as_expected(conditions: Conditions, current: _Current, now: datetime) -> bool:
    """Steps 1 and 2: ``If-Match``, or else ``If-Unmodified-Since``."""
    if conditions.if_match is not None:
        wanted = parse_etags(conditions.if_match)
        if wanted is None or wanted.is_any:
            return wanted is not None and current.exists
        return _has(wanted, current.tag, matches_strongly)
    since = _date(conditions.if_unmodified_since, now)
    return since is None or current.second is None or current.second <= since


def _is_new(conditions: Conditions, current: _Current, method: str, now: datetime) -> bool:
    """Steps 3 and 4: ``If-None-Match``, or else ``If-Modified-Since``."""
    if conditions.if_none_match is not None:
        known = parse_etags(conditions.if_none_match)
        if known is None:
            return method in _SAFE
        if known.is_any:
            return not current.exists
        return not _has(known, current.tag, matches_weakly)
    since = _date(conditions.if_modified_since, now) if method in _SAFE else None
    return since is None or current.second is None or current.second > since


def _has(
    listed: EntityTags, tag: EntityTag | None, matches: Callable[[EntityTag, EntityTag], bool]
) -> bool:
    return tag is not None and any(matches(one, tag) for one in listed.tags)


def _date(header: str | None, now: datetime) -> datetime | None:
    return None if header is None else parse_http_date(header, now=now)


def if_range_holds(
    header: str, *, etag: str | None, last_modified: datetime | None, now: datetime
) -> bool:
    """Does ``Range`` count beside this ``If-Range`` (RFC 9110 §13.1.5)?

    A tag must be the same and both strong. A date must be exactly ``Last-Modified``; that is a
    strong validator only of what does not change twice within a second (§8.8.2.2), and the
    caller gives ``last_modified=None`` where that may happen. What cannot be read does not hold:
    the whole representation is always right.

    Args:
        header: As it came.
        etag: See :func:`evaluate`.
        last_modified: See :func:`evaluate`.
        now: For years of two digits.
    """
    current = _current(etag, last_modified)
    wanted = parse_etag(header)
    if wanted is not None:
        return current.tag is not None and matches_strongly(wanted, current.tag)
    date = parse_http_date(header, now=now)
    return date is not None and date == current.second
