import locale
from datetime import UTC, datetime, timedelta, timezone

import pytest

from cimaise.albums.dates import format_long_date, format_moment, from_mtime


def test_dates_are_english_and_without_leading_zeros():
    assert format_long_date(datetime(2026, 3, 9, tzinfo=UTC)) == "March 9, 2026"


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_has_its_english_name(month):
    moment = datetime(2026, month, 15, tzinfo=UTC)
    locale.setlocale(locale.LC_TIME, "C")
    assert format_long_date(moment) == moment.strftime("%B 15, 2026")


def test_days_are_those_of_utc():
    evening_in_lima = datetime(2025, 12, 31, 22, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert format_long_date(evening_in_lima) == "January 1, 2026"
    assert format_moment(evening_in_lima) == "2026-01-01T03:00:00Z"


def test_moments_are_whole_seconds():
    assert format_moment(datetime(2026, 3, 9, 1, 2, 3, 999_999, UTC)) == "2026-03-09T01:02:03Z"


def test_a_file_of_no_possible_time_still_has_a_date():
    assert from_mtime(2**63 - 1).year == 2262
    assert from_mtime(-(10**30)).year == 1
    assert from_mtime(10**30).year == 9999
    assert from_mtime(1_500_000_000) == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)
