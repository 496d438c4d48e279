"""Folder albums of 100,000 pictures: first page, index, re-scan, a new file, pages, memory.

    python bench/albums.py --out bench/results/albums.json
    python bench/albums.py --part one --pictures 20000

Every picture is a file of its own with its own EXIF (date, place, orientation). A real server runs
as a process of its own and is asked over HTTP; the re-scan is done by a process of its own too.
"""

import argparse
import http.client
import json
import os
import platform
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyvips

FIRST_DAY = 1_500_000_000
MOST_S = 600.0  # that any step may take; then it has failed
RESCAN = """
import asyncio, json, sys, time
from pathlib import Path
from cimaise.app import build
from cimaise.settings import load

async def main():
    services = build(load({"CIMAISE_DATA_DIR": sys.argv[1]}).settings).services
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        report = await services.catalogue.scan()
        print(json.dumps({"s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu,
                          "measured": report.measured, "pictures": report.pictures}))
    await services.catalogue.close()
asyncio.run(main())
"""


def exif(number: int) -> bytes:
    """An APP1 segment: maker, orientation, date and place, different for every picture."""
    made = time.gmtime(FIRST_DAY + number * 977)
    date = time.strftime("%Y:%m:%d %H:%M:%S", made).encode() + b"\0"
    maker = b"Bench\0"
    place = struct.pack("<6I", 45, 1, number % 60, 1, 7, 1)
    at = 8 + (2 + 12 * 4 + 4) + (2 + 12 + 4) + (2 + 12 * 4 + 4)
    date_at = at + len(maker)
    place_at = date_at + len(date)
    first = _directory(
        (0x10F, 2, len(maker), struct.pack("<I", at)),
        (0x112, 3, 1, struct.pack("<HH", (1, 6, 8)[number % 3], 0)),
        (0x8769, 4, 1, struct.pack("<I", 8 + 2 + 12 * 4 + 4)),
        (0x8825, 4, 1, struct.pack("<I", 8 + 2 + 12 * 4 + 4 + 2 + 12 + 4)),
    )
    camera = _directory((0x9003, 2, len(date), struct.pack("<I", date_at)))
    gps = _directory(
        (1, 2, 2, b"N\0\0\0"), (2, 5, 3, struct.pack("<I", place_at)),
        (3, 2, 2, b"E\0\0\0"), (4, 5, 3, struct.pack("<I", place_at)),
    )  # fmt: skip
    body = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + camera + gps + maker + date + place
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _directory(*entries: tuple[int, int, int, bytes]) -> bytes:
    packed = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    return struct.pack("<H", len(entries)) + packed + b"\0\0\0\0"


def make_pictures(albums: Path, *, pictures: int, folders: int) -> None:
    """So many JPEG files in so many folders, two levels deep where there are several."""
    body = bytes(pyvips.Image.black(40, 30).jpegsave_buffer(keep="none"))
    for folder in range(folders):
        place = albums / (f"{folder // 20}/album {folder}" if folders > 1 else "all")
        place.mkdir(parents=True, exist_ok=True)
        for number in range(folder, pictures, folders):
            file = place / f"IMG_{number:06}.jpg"
            file.write_bytes(body[:2] + exif(number) + body[2:])
            os.utime(file, (FIRST_DAY + number, FIRST_DAY + number))


class Server:
    """A server process, and one kept connection to it."""

    def __init__(self, data_dir: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = os.environ | {
            "CIMAISE_DATA_DIR": str(data_dir), "CIMAISE_SERVER_PORT": str(self.port),
            "CIMAISE_LOG_LEVEL": "warning",
        }  # fmt: skip
        command = [sys.executable, "-m", "cimaise", "serve"]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def get(self, path: str) -> Any:
        """A JSON answer."""
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:  # noqa: PLR2004
            raise RuntimeError(f"{answer.status} {path}: {body[:200]!r}")
        return json.loads(body)

    def wait(self) -> None:
        """Until it answers."""
        deadline = Deadline("the server's start")
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
            try:
                self.get("/healthz")
            except OSError:
                self.connection.close()
                time.sleep(0.05)
                deadline.check()
            else:
                return

    def memory(self) -> dict[str, int]:
        """Resident memory now and at most, in MiB."""
        told = Path(f"/proc/{self.process.pid}/status").read_text()
        found = dict(line.split(":", 1) for line in told.splitlines())
        return {name: int(found[name].split()[0]) // 1024 for name in ("VmRSS", "VmHWM")}

    def cpu_s(self) -> float:
        """Processor time that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(data_dir: Path) -> Iterator[Server]:
    """A server that is ended at the end."""
    server = Server(data_dir)
    try:
        server.wait()
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        try:
            server.process.wait(60)
        except subprocess.TimeoutExpired:
            server.process.kill()
            raise


def told(words: str) -> None:
    """Say what is being done: some steps take minutes."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")


class Deadline:
    """Ends a wait that would never end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._ends = time.perf_counter() + MOST_S

    def check(self) -> None:
        """``RuntimeError`` once the time is over."""
        if time.perf_counter() > self._ends:
            raise RuntimeError(f"{self._what} did not end within {MOST_S:.0f} s")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the seconds it took."""
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def indexed(data_dir: Path) -> int:
    """Rows of the index, read from the server's own database."""
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(f"file:{data_dir}/cimaise.db?mode=ro", uri=True, timeout=30)
    try:
        return int(connection.execute("select count(*) from folder_pictures").fetchone()[0])
    finally:
        connection.close()


def measure_index(data_dir: Path, pictures: int, first: str) -> dict[str, Any]:
    """A first start: the first page before any index, then the whole index."""
    with serving(data_dir) as server:
        begun, cpu = time.perf_counter(), server.cpu_s()
        _, first_page_s = timed(lambda: server.get(f"/api/albums/{first}"))
        _, list_s = timed(lambda: server.get("/api/albums"))
        deadline = Deadline("the index")
        while indexed(data_dir) < pictures:
            time.sleep(0.2)
            deadline.check()
        return {
            "first_page_s": first_page_s, "first_list_s": list_s,
            "index_s": time.perf_counter() - begun, "index_cpu_s": server.cpu_s() - cpu,
            "memory_mib": server.memory(),
        }  # fmt: skip


def measure_new_file(server: Server, album: str, folder: Path) -> list[float]:
    """Seconds from a file's writing to its being on the first page."""
    body = next(folder.glob("*.jpg")).read_bytes()
    found = []
    for number in range(5):
        name = f"new {number}.jpg"
        (folder / name).write_bytes(body)
        begun, deadline = time.perf_counter(), Deadline("waiting for a new file")
        while name not in [one["name"] for one in server.get(f"/api/albums/{album}?limit=20")["images"]]:  # fmt: skip
            time.sleep(0.01)
            deadline.check()
        found.append(time.perf_counter() - begun)
    for number in range(5):
        (folder / f"new {number}.jpg").unlink()
    return found


def measure_pages(server: Server, album: str, last: int, rounds: int) -> dict[str, Any]:
    """Pages by number and by cursor, in turn; milliseconds."""
    before = server.get(f"/api/albums/{album}?page={last - 1}")["pagination"]["next"]
    paths = {
        "page 1": f"/api/albums/{album}?page=1",
        f"page {last}": f"/api/albums/{album}?page={last}",
        f"page {last} by cursor": f"/api/albums/{album}?cursor={before}",
        f"page {last} by date taken": f"/api/albums/{album}?sort=taken&page={last}",
        "list of albums": "/api/albums",
    }
    for path in paths.values():
        server.get(path)
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, path in paths.items():
            taken[name].append(timed(lambda path=path: server.get(path))[1] * 1000)  # type: ignore[misc]
    return {
        name: {
            "p50_ms": round(statistics.median(times), 2),
            "p95_ms": round(sorted(times)[int(len(times) * 0.95)], 2),
            "raw_ms": [round(one, 3) for one in times],
        }
        for name, times in taken.items()
    }


def measure_rescan(data_dir: Path) -> list[dict[str, Any]]:
    """Scans of unchanged folders by a process of their own; the first one has nothing in memory."""
    done = subprocess.run([sys.executable, "-c", RESCAN, str(data_dir)], check=True, capture_output=True, text=True, timeout=MOST_S)  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure_many(data_dir: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Many folders: index, re-scan, a new file, pages of one of them."""
    told("many folders: files")
    make_pictures(data_dir / "albums", pictures=options.pictures, folders=options.folders)
    name = "0~album 0" if options.folders > 1 else "all"
    told("many folders: index")
    found = measure_index(data_dir, options.pictures, quote(name))
    told("many folders: re-scan")
    found["rescan"] = measure_rescan(data_dir)
    told("many folders: pages")
    with serving(data_dir) as server:
        place = data_dir / "albums" / name.replace("~", "/")
        found["new_file_s"] = measure_new_file(server, quote(name), place)
        last = max(2, options.pictures // options.folders // 20)
        found["pages"] = measure_pages(server, quote(name), last, options.rounds)
        found["memory_mib_serving"] = server.memory()
    return found


def measure_one(data_dir: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All pictures in one folder: index, re-scan, first and far pages."""
    told("one folder: files")
    make_pictures(data_dir / "albums", pictures=options.pictures, folders=1)
    told("one folder: index")
    found = measure_index(data_dir, options.pictures, "all")
    told("one folder: re-scan")
    found["rescan"] = measure_rescan(data_dir)
    told("one folder: pages")
    with serving(data_dir) as server:
        last = max(2, min(1000, options.pictures // 20))
        found["pages"] = measure_pages(server, "all", last, options.rounds)
        found["memory_mib_serving"] = server.memory()
    return found


def main() -> None:
    """Make, measure, write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--part", choices=("many", "one", "both"), default="both")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "load_before": os.getloadavg(),
    }
    with tempfile.TemporaryDirectory() as folder:
        if options.part != "one":
            found["many folders"] = measure_many(Path(folder) / "many", options)
        if options.part != "many":
            found["one folder"] = measure_one(Path(folder) / "one", options)
    found["load_after"] = os.getloadavg()
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(_short(found), indent=1))


def _short(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _short(one) for name, one in found.items() if name != "raw_ms"}
    return found


if __name__ == "__main__":
    main()
