"""What uploads cost here and at the competitors: ``python bench/uploads.py`` (``--help``).

tusd comes from ``go install github.com/tus/tusd/v2/cmd/tusd@latest``, nginx from
``apt-get install nginx-light``, versitygw and PostgreSQL as ``tests/services/install`` says.
Everything lies in ``--dir``, by default in memory, so that the disk, which is the same for all,
decides nothing.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.kit import crowds, receiving, sessions
from bench.kit.rounds import Report, wait_for_quiet
from bench.kit.servers import cimaise, nginx, tusd

PARTS = ("throughput", "parallel", "form", "slow", "slow-postgresql", "sessions", "kill")


def main() -> None:
    """Measure what was asked for, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gib", type=float, default=1.0, help="size of one upload")
    parser.add_argument("--dir", default="/dev/shm", help="where everything lies")
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for a quiet machine")
    asked = parser.parse_args()
    size = int(asked.gib * (1 << 30))
    report = Report("uploads")
    for part in asked.parts:
        wait_for_quiet(1.5, asked.wait)
        with tempfile.TemporaryDirectory(dir=asked.dir) as name:
            _measure(part, report, Path(name), asked.rounds, size)
    report.write()


def _measure(part: str, report: Report, folder: Path, rounds: int, size: int) -> None:
    print(f"-- {part}", flush=True)
    if part == "throughput":
        (folder / "dav").mkdir()
        dav = "dav_methods PUT; create_full_put_path on;"
        with (
            cimaise(folder) as ours,
            tusd(folder) as theirs,
            nginx(folder, folder / "dav", server=dav) as web,
        ):
            receiving.measure_throughput(report, ours, theirs, web, rounds=rounds, size=size)
    elif part == "parallel":
        with cimaise(folder) as ours, tusd(folder) as theirs:
            receiving.measure_parallel(report, ours, theirs, rounds=rounds)
    elif part == "form":
        receiving.measure_form_memory(report, folder)
    elif part == "slow":
        crowds.measure_slow(report, folder)
    elif part == "slow-postgresql":
        crowds.measure_slow_on_postgresql(report, folder)
    elif part == "sessions":
        with cimaise(folder) as ours:
            sessions.measure_sessions(report, ours)
        sessions.measure_signing(report)
    elif part == "kill":
        crowds.measure_kill(report, folder)
    else:
        raise SystemExit(f"there is no part {part!r}: choose from {', '.join(PARTS)}")


if __name__ == "__main__":
    main()
