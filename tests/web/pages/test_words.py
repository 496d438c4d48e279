"""What pages say of numbers, times and programs."""

from datetime import UTC, datetime

import pytest

from cimaise.web.pages.words import format_browser, format_count, format_minute, format_size

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
APPLE = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) {} Safari/604.1"


def test_numbers_for_people() -> None:
    assert format_size(0) == "0 bytes"
    assert format_size(1) == "1 byte"
    assert format_size(1536) == "1.5 KB"
    assert format_size(200 * 1024**2) == "200 MB"
    assert format_count(1, "picture") == "1 picture"
    assert format_count(1204, "picture") == "1,204 pictures"


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
