"""A gallery's page of sixty photographs, as Lighthouse sees it on a phone.

    python -m bench.pages [--visits 5] [--wait 300]

Lighthouse throttles by simulation (a slow 4G network, a processor a fourth as fast); its score
still depends on the machine, so the median of several visits counts, and all of them are kept. The
benchmark index tells how fast the processor was at that moment: 1,500 and more where nothing else
runs, and below 1,000 the score of speed says little about the page.
``chromium``, ``node`` and ``npm`` have to be there; Lighthouse is installed for the run, as
``tests/browser/lighthouse/package-lock.json`` has it. The first visit, in which pictures are made, is
not counted. Pictures are those of ``MEDIA_CORPUS``, see ``bench/kit/photographs.py``.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyvips

from bench.images import our_server
from bench.kit.photographs import middle_photographs
from bench.kit.rounds import Facts, Report, median, wait_for_quiet
from tests.kit.lighthouse import Lighthouse

PICTURES = 60
LEAST_SCORE = 95
WHOLE = ("accessibility", "best-practices")  # what these say hangs on no machine: all, each time
METRICS = {
    "first-contentful-paint": "first paint, ms",
    "largest-contentful-paint": "largest paint, ms",
    "total-blocking-time": "blocked, ms",
    "speed-index": "speed index, ms",
    "cumulative-layout-shift": "layout shift",
    "total-byte-weight": "bytes",
}


def hang(album: Path) -> None:
    """Sixty photographs, a third of them upright and a few wide ones."""
    album.mkdir(parents=True)
    for number, file in enumerate(middle_photographs(album, PICTURES)):
        picture = pyvips.Image.new_from_file(str(file)).copy_memory()
        if number % 3 == 1:
            picture = picture.crop(450, 0, 900, 1200)
        elif number % 10 == 0:
            picture = picture.crop(0, 300, 1800, 600)
        picture.jpegsave(str(file), Q=90, keep="none")


def facts_of(report: dict[str, Any]) -> Facts:
    """The score, 0 to 100, and what it is made of."""
    audits = report["audits"]
    return {
        "score": report["categories"]["performance"]["score"] * 100,
        "benchmark index": report["environment"]["benchmarkIndex"],
        **{name: report["categories"][name]["score"] * 100 for name in WHOLE},
        **{name: audits[audit]["numericValue"] for audit, name in METRICS.items()},
    }


def main() -> None:
    """Measure, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for a quiet machine")
    asked = parser.parse_args()
    report = Report("pages")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lighthouse = Lighthouse(folder / "lighthouse")
        hang(folder / "data" / "albums" / "walk")
        wait_for_quiet(1.0, asked.wait)
        with our_server(folder / "data") as ours:
            url = f"http://127.0.0.1:{ours.port}/gallery/walk"
            visits = [facts_of(lighthouse.visit(url)) for _ in range(asked.visits + 1)][1:]
    for visit in visits:
        sys.stderr.write(f"{visit}\n")
    report.keep("visits", visits)
    for name in [*METRICS.values(), "benchmark index"]:
        report.note(f"gallery of sixty on a phone, {name}", median(visits, name))
    for name in WHOLE:
        least = min(one[name] for one in visits)
        report.claim(f"gallery of sixty on a phone, {name}", least, least=100)
    report.claim("gallery of sixty on a phone, score", median(visits, "score"), least=LEAST_SCORE)
    report.write()


if __name__ == "__main__":
    main()
