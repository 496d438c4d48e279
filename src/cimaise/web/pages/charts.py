"""Bars by day, as numbers for a template: no script and no inline style draws them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

DAYS: Final = 30
HEIGHT: Final = 100
_STEP: Final = 10
_KILO: Final = 1024
_MOST_TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A day. ``x``, ``y`` and ``height`` are in units of the chart, which is 100 high."""

    day: date
    value: int
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A value of the scale, and where its line is drawn."""

    value: int
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The last days up to one, today at the right.

    Attributes:
        highest: The day with the most; the latest of several.
        in_bytes: What is counted.
        ticks: Of the scale, from the top down to 0, evenly spaced; the top is no less than the most.
    """

    bars: tuple[Bar, ...]
    highest: Bar
    total: int
    width: int
    ticks: tuple[Tick, ...]
    in_bytes: bool


def by_day(
    values: Mapping[str, int], *, today: date, days: int = DAYS, in_bytes: bool = False
) -> Chart:
    """A chart of ``days`` days; those that ``values`` (ISO date → number) lacks are 0."""
    dates = [today - timedelta(days=days - 1 - number) for number in range(days)]
    numbers = [max(0, values.get(day.isoformat(), 0)) for day in dates]
    scale = scale_for(max(numbers, default=0), in_bytes=in_bytes)
    top = scale[-1]
    bars = []
    for number, (day, value) in enumerate(zip(dates, numbers, strict=True)):
        # a day on which something happened can be told from one on which nothing did
        height = max(1.0, round(value / top * HEIGHT, 2)) if value else 0.0
        bars.append(Bar(day, value, number * _STEP, round(HEIGHT - height, 2), height))
    ticks = tuple(Tick(one, round(HEIGHT - one / top * HEIGHT, 2)) for one in reversed(scale))
    highest = max(bars, key=lambda bar: (bar.value, bar.day))
    return Chart(tuple(bars), highest, sum(numbers), days * _STEP, ticks, in_bytes)


def scale_for(highest: int, *, in_bytes: bool = False) -> list[int]:
    """Values from 0 to at least ``highest``, two to five of them, a round step apart.

    Steps are 1, 2 or 5 times a power of ten; of bytes, so many of the unit that they are told in.
    """
    unit = 1
    while in_bytes and highest >= unit * _KILO:
        unit *= _KILO
    # In tenths: 0.5 MB is a round step. Half an upload is none.
    least, power = 10 if unit == 1 else unit, 0
    while True:
        for digit in (1, 2, 5):
            step = digit * 10**power * least
            count = max(1, -(-10 * highest // step))
            if count <= _MOST_TICKS:
                return [-(-step * number // 10) for number in range(count + 1)]
        power += 1
