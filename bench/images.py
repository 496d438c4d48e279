"""Pictures against imgproxy and nginx, all in one run, in turns.

    python -m bench.images [first] [thumbs] [png] [avif] [widths] [kept] [pressure]
        [hostile] [--rounds N]

Without names it measures all of them. ``imgproxy`` has to be on PATH, or its path in ``IMGPROXY``;
any 3.x or 4.x release will do. ``kept`` also needs nginx (``nginx-light``) and ``wrk``. Pictures are those of
``MEDIA_CORPUS`` (a folder ``landscapes`` with large photographs), else drawn ones; its folder
``hostile`` holds the broken and oversized files that ``hostile`` throws at the server.

imgproxy is given as many workers as there are cores, and its own defaults otherwise; quality and
size are in every URL. What is made for the first time is made of a file with a new date each
time, so that nothing is kept of it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from bench.kit.asking import ask
from bench.kit.photographs import (
    hostile_files,
    large_photographs,
    middle_photographs,
    png_pictures,
)
from bench.kit.pictures import WANTED
from bench.kit.pressure import measure_pressure
from bench.kit.rounds import Facts, Report, take_turns
from bench.kit.servers import Subject, children, found, free_port, nginx, running
from tests.kit.server_process import prepare_data

OURS, PEER = "cimaise", "imgproxy"
WIDTHS = (1600, 1200, 800, 640, 480, 320)
SETTLING_S = 3
THUMB_PX = 640
WRK = re.compile(r"Requests/sec:\s+([0-9.]+)")
Address = Callable[[str, int, str], str]
"""File name, width and format to a path."""


def our_address(file: str, width: int, format_: str) -> str:
    """Of an album's file."""
    return f"/resize?url=/albums/bench/{quote(file)}&width={width}&format={format_}&quality=80"


def peers_address(file: str, width: int, format_: str) -> str:
    """Of a local file."""
    return f"/unsafe/rs:fit:{width}:0/q:80/plain/local:///{quote(file)}@{format_}"


ADDRESSES: Mapping[str, Address] = {OURS: our_address, PEER: peers_address}


@contextmanager
def our_server(data: Path) -> Iterator[Subject]:
    """With the album's pictures already in its folder."""
    settings = {"CIMAISE_LOG_LEVEL": "error"}
    key, port = prepare_data(data, settings, "bench"), free_port()
    command = [sys.executable, "-m", "cimaise", "serve", "--data-dir", str(data), "--port", str(port)]  # fmt: skip
    with running(command, port, **settings) as pid:
        yield Subject(OURS, port, [pid, *children(pid)], {"key": key, "data": str(data)})


@contextmanager
def imgproxy(root: Path) -> Iterator[Subject]:
    """On the loopback, reading local files only."""
    port = free_port()
    program = os.environ.get("IMGPROXY") or found("imgproxy")
    settings = {
        "IMGPROXY_BIND": f"127.0.0.1:{port}",
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(root),
        "IMGPROXY_WORKERS": str(os.cpu_count() or 1),
        "IMGPROXY_LOG_LEVEL": "error",
        "IMGPROXY_MAX_SRC_RESOLUTION": "100",
    }
    # our threads that make pictures are as nice: on a busy machine both lose as much to others
    with running(["nice", "-n", "10", program], port, **settings) as pid:
        yield Subject(PEER, port, [pid])


def _renew(files: Sequence[Path]) -> None:
    """Give every file a new date, and the album's index the time to notice."""
    now = time.time_ns()
    for number, file in enumerate(files):
        os.utime(file, ns=(now + number, now + number))
    time.sleep(SETTLING_S)


def make(
    subject: Subject, files: Sequence[Path], width: int, format_: str, connections: int
) -> Facts:
    """Each file once, for the first time."""
    _renew(files)
    address = ADDRESSES[subject.name]
    paths = [address(file.name, width, format_) for file in files]
    subject.forget_peak()
    before_s = subject.cpu_s()
    asked = ask(subject.port, paths, connections)
    return {
        "pictures a second": len(paths) / asked.wall_s,
        "CPU ms a picture": (subject.cpu_s() - before_s) * 1000 / len(paths),
        "p99 ms": asked.quantile_ms(0.99),
        "peak MiB": subject.peak_mib(),
        "KiB a picture": asked.body_bytes / 1024 / len(paths),
        "load": os.getloadavg()[0],
    }


def make_widths(subject: Subject, files: Sequence[Path]) -> Facts:
    """Six widths of each file, asked for together, one file after the other."""
    _renew(files)
    before_s, wall_s = subject.cpu_s(), 0.0
    for file in files:
        paths = [ADDRESSES[subject.name](file.name, width, "webp") for width in WIDTHS]
        wall_s += ask(subject.port, paths, len(WIDTHS)).wall_s
    return {
        "CPU ms a set": (subject.cpu_s() - before_s) * 1000 / len(files),
        "ms a set": wall_s * 1000 / len(files),
        "load": os.getloadavg()[0],
    }


def wrk(subject: Subject, path: str, connections: int) -> Facts:
    """Requests a second for five seconds."""
    command = [found("wrk"), "-t1", f"-c{connections}", "-d5", f"http://127.0.0.1:{subject.port}{path}"]  # fmt: skip
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = WRK.search(text)
    if rate is None or "Non-2xx" in text:
        raise RuntimeError(text)
    return {"requests a second": float(rate[1]), "load": os.getloadavg()[0]}


class Bench:
    """What is measured, by name."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.report = Report("images")
        self.rounds = rounds
        self.data = folder / "data"
        self.album = self.data / "albums" / "bench"
        self.album.mkdir(parents=True)
        self.large = large_photographs(self.album, 6)
        self.middle = middle_photographs(self.album, 200)
        self.pngs = png_pictures(self.album, 24)

    def _made(
        self, subjects: Sequence[Subject], sentence: str, files: Sequence[Path], *how: object
    ) -> dict[str, list[Facts]]:
        measures = {one.name: partial(make, one, files, *how) for one in subjects}
        taken = take_turns(measures, self.rounds)
        self.report.keep(sentence, taken)
        return taken

    def first(self, subjects: Sequence[Subject]) -> None:
        """12 megapixels to 800 pixels, one after the other."""
        what = "12 MP to 800 px WebP, 1 connection"
        taken = self._made(subjects, what, self.large, 800, "webp", 1)
        self.report.ratio(what, taken, "pictures a second", (OURS, PEER), least=1.25)
        self.report.ratio(what, taken, "CPU ms a picture", (OURS, PEER), most=0.8)
        self.report.ratio(what, taken, "KiB a picture", (OURS, PEER), most=1.04)

    def thumbs(self, subjects: Sequence[Subject]) -> None:
        """200 distinct photographs."""
        for connections in (4, 16):
            what = f"200 photographs to 400 px WebP, {connections} connections"
            taken = self._made(subjects, what, self.middle, 400, "webp", connections)
            self.report.ratio(what, taken, "pictures a second", (OURS, PEER), least=1.2)
            self.report.ratio(what, taken, "p99 ms", (OURS, PEER), most=1.0)
            self.report.ratio(what, taken, "peak MiB", (OURS, PEER), most=0.9)

    def png(self, subjects: Sequence[Subject]) -> None:
        """PNG sources."""
        what = "2 MP PNG to 800 px WebP, 4 connections"
        taken = self._made(subjects, what, self.pngs, 800, "webp", 4)
        self.report.ratio(what, taken, "pictures a second", (OURS, PEER), least=1.25)

    def avif(self, subjects: Sequence[Subject]) -> None:
        """AVIF output."""
        what = "2 MP to 1200 px AVIF, 4 connections"
        taken = self._made(subjects, what, self.middle[:24], 1200, "avif", 4)
        self.report.ratio(what, taken, "pictures a second", (OURS, PEER), least=0.95)

    def widths(self, subjects: Sequence[Subject]) -> None:
        """A page's srcset."""
        what = "six widths of one 12 MP photograph, together"
        measures = {one.name: partial(make_widths, one, self.large) for one in subjects}
        taken = take_turns(measures, self.rounds)
        self.report.keep(what, taken)
        self.report.ratio(what, taken, "CPU ms a set", (OURS, PEER), most=0.5)
        self.report.ratio(what, taken, "ms a set", (OURS, PEER), most=1.0)

    def kept(self, subjects: Sequence[Subject], folder: Path) -> None:
        """A published picture of about 40 KB, and the same bytes as a file of nginx's."""
        ours = subjects[0]
        path, body = _forty_kilobytes(ours, self.middle[0])
        root = folder / "static"
        root.mkdir()
        (root / "kept.webp").write_bytes(body)
        caching = "open_file_cache max=100; open_file_cache_valid 60s;"
        with nginx(folder, root, http=caching) as static:
            for connections in (1, 16, 64):
                what = f"kept picture of {len(body) // 1024} KiB, {connections} connections"
                measures = {
                    OURS: partial(wrk, ours, path, connections),
                    "nginx": partial(wrk, static, "/kept.webp", connections),
                }
                taken = take_turns(measures, self.rounds)
                self.report.keep(what, taken)
                self.report.ratio(what, taken, "requests a second", (OURS, "nginx"), least=0.5)

    def pressure(self, subjects: Sequence[Subject]) -> None:
        """200 huge requests at once, and what a kept thumbnail takes meanwhile."""
        path, _ = _variant(subjects[0], _published(subjects[0], self.middle[1]), THUMB_PX)
        huge = [our_address(file.name, 2500 - number, "avif") for number in range(34) for file in self.large]  # fmt: skip
        facts = measure_pressure(subjects[0].port, path, huge[:200])
        self.report.keep("200 huge requests at once", facts)
        what = "p99 ms of a kept thumbnail under 200 huge requests at once"
        self.report.claim(what, facts["p99 ms"], most=50)
        self.report.note("p50 ms of it", facts["p50 ms"])
        self.report.note("huge requests answered 503", facts["refused"])

    def hostile(self, subjects: Sequence[Subject]) -> None:
        """Broken and oversized files, each in many widths, and what a kept thumbnail takes meanwhile."""
        path, _ = _variant(subjects[0], _published(subjects[0], self.middle[2]), THUMB_PX)
        names = hostile_files(self.album)
        asked = [our_address(name, 300 + number, "webp") for number in range(400 // len(names)) for name in names]  # fmt: skip
        facts = measure_pressure(subjects[0].port, path, asked)
        self.report.keep(f"{len(asked)} requests for hostile files at once", facts)
        what = f"p99 ms of a kept thumbnail under {len(asked)} requests for hostile files at once"
        self.report.claim(what, facts["p99 ms"], most=50)
        self.report.note("p50 ms of it", facts["p50 ms"])
        self.report.note("requests for hostile files not answered", facts["not answered"])


def _published(subject: Subject, file: Path) -> str:
    """Publish a file; gives where its variants are."""
    import httpx2  # noqa: PLC0415 (what else is measured does without)

    base = f"http://127.0.0.1:{subject.port}"
    headers = {"Authorization": f"Bearer {subject.facts['key']}"}
    where = f"{base}/api/collections/inbox/files/{file.name}"
    made = httpx2.put(where, content=file.read_bytes(), headers=headers).raise_for_status().json()
    return f"/images/{made['id']}"


def _variant(subject: Subject, picture: str, width: int) -> tuple[str, bytes]:
    """The path of a variant, and its bytes; made, kept, and asked for again."""
    import httpx2  # noqa: PLC0415

    path = f"{picture}?width={width}"
    for _ in range(3):
        body = httpx2.get(f"http://127.0.0.1:{subject.port}{path}").raise_for_status().content
    return path, body


def _forty_kilobytes(subject: Subject, file: Path) -> tuple[str, bytes]:
    """A variant of about 40 KB: the smallest width that gives one."""
    picture = _published(subject, file)
    for width in range(THUMB_PX, 1800, 40):
        path, body = _variant(subject, picture, width)
        if len(body) in WANTED:
            return path, body
    raise RuntimeError("no width gives a picture of 40 KB")


def main() -> None:
    """Run what was named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="name")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    everything = ["first", "thumbs", "png", "avif", "widths", "kept", "pressure", "hostile"]
    with tempfile.TemporaryDirectory() as text, ExitStack() as stack:
        folder = Path(text)
        bench = Bench(folder, given.rounds)
        subjects = [
            stack.enter_context(our_server(bench.data)),
            stack.enter_context(imgproxy(bench.album)),
        ]
        for one in subjects:
            make(one, bench.large[:2], 100, "webp", 2)  # warm
        for name in given.names or everything:
            if name == "kept":
                bench.kept(subjects, folder)
            else:
                getattr(bench, name)(subjects)
        bench.report.write()


if __name__ == "__main__":
    main()
