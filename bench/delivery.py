"""What delivery costs here and in nginx: ``python bench/delivery.py`` (``--help``).

nginx has one worker, as this server has one process. nginx and wrk come from
``apt-get install nginx-light wrk``. Files lie in memory (``--dir``), as popular ones do.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.kit import fetching, pictures
from bench.kit.rounds import Report, wait_for_quiet
from bench.kit.servers import cimaise, nginx

PARTS = ("originals", "variants", "front")


def main() -> None:
    """Measure what was asked for, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", default="/dev/shm", help="where everything lies")
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for a quiet machine")
    asked = parser.parse_args()
    report = Report("delivery")
    for part in asked.parts:
        wait_for_quiet(1.5, asked.wait)
        with tempfile.TemporaryDirectory(dir=asked.dir) as name:
            _measure(part, report, Path(name), asked.rounds)
    report.write()


def _measure(part: str, report: Report, folder: Path, rounds: int) -> None:
    print(f"-- {part}", flush=True)
    root = folder / "root"
    root.mkdir()
    cached = "open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;"
    if part == "originals":
        with cimaise(folder) as ours, nginx(folder, root) as theirs:
            fetching.measure_originals(report, ours, theirs, rounds=rounds)
    elif part == "variants":
        with cimaise(folder) as ours, nginx(folder, root, http=cached) as theirs:
            pictures.measure_variants(report, ours, theirs, rounds=rounds)
    elif part == "front":
        fetching.measure_front(report, folder, root, rounds=rounds)
    else:
        raise SystemExit(f"there is no part {part!r}: choose from {', '.join(PARTS)}")


if __name__ == "__main__":
    main()
