"""Bars by day, as numbers for a template: no script and no inline style draws them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

DAYS: Final = 30
HEIGHT: Final = 100
_STEP: Final = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """A day. ``x``, ``y`` and ``height`` are in units of the chart, which is 100 high."""

    day: date
    value: int
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The last days up to one, today at the right."""

    bars: tuple[Bar, ...]
    highest: int
    total: int
    width: int


def by_day(values: Mapping[str, int], *, today: date, days: int = DAYS) -> Chart:
    """A chart of ``days`` days; those that ``values`` (ISO date → number) lacks are 0."""
    dates = [today - timedelta(days=days - 1 - number) for number in range(days)]
    numbers = [max(0, values.get(day.isoformat(), 0)) for day in dates]
    highest = max(numbers, default=0)
    bars = []
    for number, (day, value) in enumerate(zip(dates, numbers, strict=True)):
        # a day on which something happened can be told from one on which nothing did
        height = max(1.0, round(value / highest * HEIGHT, 2)) if value else 0.0
        bars.append(Bar(day, value, number * _STEP, round(HEIGHT - height, 2), height))
    return Chart(tuple(bars), highest, sum(numbers), days * _STEP)
