"""Rounds in which competitors take turns, and what comes of them: medians, ratios, raw numbers."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"

Facts = dict[str, float]


def take_turns(measures: Mapping[str, Callable[[], Facts]], rounds: int) -> dict[str, list[Facts]]:
    """Every competitor once a round, each round beginning with another one."""
    taken: dict[str, list[Facts]] = {name: [] for name in measures}
    names = list(measures)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            taken[name].append(measures[name]())
    return taken


def median(rounds: list[Facts], what: str) -> float:
    """The median of one number over all rounds."""
    return statistics.median(one[what] for one in rounds)


class Report:
    """Collects claims, prints them, and keeps every number."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = datetime.now(UTC)
        self._claims: list[dict[str, Any]] = []
        self._raw: dict[str, Any] = {}

    def keep(self, what: str, raw: Any) -> None:
        """Raw numbers behind claims."""
        self._raw[what] = raw

    def claim(
        self, sentence: str, value: float, *, most: float | None = None, least: float | None = None
    ) -> None:
        """One number and the bound it has to keep."""
        good = (most is None or value <= most) and (least is None or value >= least)
        bound = f"at most {most:g}" if most is not None else f"at least {least:g}"
        verdict = "yes" if good else "NO "
        print(f"{verdict} {sentence}: {value:.3g} ({bound})", flush=True)
        self._claims.append(
            {"claim": sentence, "value": value, "most": most, "least": least, "holds": good}
        )

    def note(self, sentence: str, value: float) -> None:
        """A number without a bound."""
        print(f"    {sentence}: {value:.3g}", flush=True)
        self._claims.append({"note": sentence, "value": value})

    def ratio(
        self,
        sentence: str,
        rounds: Mapping[str, list[Facts]],
        what: str,
        of: tuple[str, str],
        **bound: float,
    ) -> None:
        """The ratio of two competitors' medians."""
        ours, theirs = (median(rounds[name], what) for name in of)
        self.note(f"{what} of {of[0]}, {sentence}", ours)
        self.note(f"{what} of {of[1]}, {sentence}", theirs)
        self.claim(f"{sentence}, {what}, {of[0]} to {of[1]}", ours / theirs, **bound)

    def write(self) -> None:
        """Keep it beside the others, newest last by name."""
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{self._name}-{self._began:%Y%m%d-%H%M%S}.json"
        facts = {
            "at": self._began.isoformat(timespec="seconds"),
            "machine": {"cores": os.cpu_count(), "system": platform.platform()},
            "load_at_the_end": os.getloadavg(),
            "took_s": round((datetime.now(UTC) - self._began).total_seconds(), 1),
            "claims": self._claims,
            "raw": self._raw,
        }
        file.write_text(json.dumps(facts, indent=1) + "\n")
        print(f"raw numbers: {file}")


def wait_for_quiet(most_load: float, limit_s: float) -> None:
    """Let neighbours finish, but not for ever."""
    stop = time.monotonic() + limit_s
    while os.getloadavg()[0] > most_load and time.monotonic() < stop:
        time.sleep(5)
