"""Dates for people and for programs. English and UTC, whatever the machine's locale says."""

from datetime import UTC, datetime, timedelta
from typing import Final

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST_US: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def format_long_date(moment: datetime) -> str:
    """``March 9, 2026``."""
    day = moment.astimezone(UTC)
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def format_moment(moment: datetime) -> str:
    """``2026-03-09T10:11:12Z``: RFC 3339, whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def from_mtime(mtime_ns: int) -> datetime:
    """A file's last change, to the microsecond; what no calendar holds is moved into it."""
    micros = max(_FIRST_US, min(mtime_ns // 1000, _LAST_US))
    return _EPOCH + timedelta(microseconds=micros)
