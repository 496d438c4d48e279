"""What pages say of numbers, times and programs."""

from datetime import UTC, datetime

import pytest

from cimaise.web.pages.words import (
    format_browser,
    format_count,
    format_lasting,
    format_minute,
    format_percent,
    format_size,
    format_slug,
)

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
APPLE = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) {} Safari/604.1"


def test_numbers_for_people() -> None:
    assert format_size(0) == "0 bytes"
    assert format_size(1) == "1 byte"
    assert format_size(1536) == "1.5 KB"
    assert format_size(200 * 1024**2) == "200 MB"
    assert format_count(1, "picture") == "1 picture"
    assert format_count(1204, "picture") == "1,204 pictures"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.97, "97 %"), (0.9697, "97 %"), (0.9994, "99.9 %"), (1.0, "100 %"), (0, "0 %")],
)
def test_shares_have_only_the_digits_that_say_something(share: float, text: str) -> None:
    assert format_percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.029, "29 ms"), (0, "0 ms"), (2.52, "2.5 s"), (90, "90.0 s"), (7200, "120 min")],
)
def test_what_lasts_is_told_in_the_unit_that_suits(seconds: float, text: str) -> None:
    assert format_lasting(seconds) == text


def test_a_time_says_its_zone() -> None:
    assert format_minute(datetime(2026, 3, 9, 7, 5, 59, tzinfo=UTC)) == "March 9, 2026, 07:05 UTC"


@pytest.mark.parametrize(
    ("user_agent", "text"),
    [
        (CHROME.format("X11; Linux x86_64"), "Chrome on Linux"),
        (CHROME.format("Linux; Android 10; K"), "Chrome on Android"),
        (CHROME.format("Windows NT 10.0; Win64; x64") + " Edg/156.0.0.0", "Edge on Windows"),
        (APPLE.format("Macintosh; Intel Mac OS X 10_15_7", "Version/18.3"), "Safari on macOS"),
        (APPLE.format("iPhone; CPU iPhone OS 18_3 like Mac OS X", "CriOS/130"), "Chrome on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Plan 9) Firefox/1.0", "Firefox"),
        ("curl/8.14.1", "curl/8.14.1"),
        ("x" * 100, "x" * 80 + "…"),
        ("", "Unknown browser"),
    ],
)  # fmt: skip
def test_browsers_are_called_as_people_call_them(user_agent: str, text: str) -> None:
    assert format_browser(user_agent) == text


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Été & co", "ete-co"), ("  -- Lakes -- 2026!", "lakes-2026"), ("湖", ""), ("", ""),
        ("A" * 59 + " bc", "a" * 59), ("x" * 500, "x" * 60),
    ],
)  # fmt: skip
def test_a_title_becomes_a_name_for_an_address(title: str, slug: str) -> None:
    assert format_slug(title) == slug
