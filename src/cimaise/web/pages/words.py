"""What pages say of numbers, times and programs, in the words of people. Pure functions."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

from cimaise.albums.dates import format_long_date

_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")
_STEP: Final = 1024
_HUNDRED: Final = 100
_LONG_S: Final = 120
# The first that is named counts: nearly all say that they are Safari, and many that they are Chrome.
_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"), ("Firefox/", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"),
    ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip
_MOST_CHARS: Final = 80
_MOST_SLUG: Final = 60
_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")


def format_size(count: int) -> str:
    """``12.3 MB``; 1 MB is 1024² bytes."""
    value, power = float(count), 0
    while value >= _STEP and power < len(_UNITS) - 1:
        value, power = value / _STEP, power + 1
    if power == 0:
        return format_count(count, "byte")
    return f"{value:.0f} {_UNITS[power]}" if value >= _HUNDRED else f"{value:.1f} {_UNITS[power]}"


def format_count(count: int, noun: str) -> str:
    """``1 picture``, ``1,204 pictures``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def format_percent(share: float) -> str:
    """``97 %``, ``99.9 %``: digits behind the point only where they say something."""
    return f"{share * _HUNDRED:.1f}".removesuffix(".0") + " %"


def format_lasting(seconds: float) -> str:
    """``29 ms``, ``2.5 s``, ``12 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < _LONG_S else f"{seconds / 60:,.0f} min"


def format_minute(moment: datetime) -> str:
    """``March 9, 2026, 10:11 UTC``."""
    return f"{format_long_date(moment)}, {moment.astimezone(UTC):%H:%M} UTC"


def format_browser(user_agent: str) -> str:
    """``Firefox on Linux``; of other programs the beginning of what they call themselves."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and user_agent.startswith("Mozilla/"):
        return f"{browser} on {system}" if system else browser
    if len(user_agent) > _MOST_CHARS:
        return f"{user_agent[:_MOST_CHARS]}…"
    return user_agent or "Unknown browser"


def format_slug(title: str) -> str:
    """``Été & co`` as ``ete-co``, for addresses; empty where no letter of it is one of a to z."""
    spelled = unicodedata.normalize("NFKD", title.casefold())
    letters = "".join(one for one in spelled if not unicodedata.combining(one))
    return _NO_SLUG.sub("-", letters).strip("-")[:_MOST_SLUG].strip("-")
