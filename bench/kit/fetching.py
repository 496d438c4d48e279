"""Large files and ranges of them, by a client that costs next to nothing itself."""

import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.kit.rounds import Facts, Report, take_turns
from bench.kit.sending import MIB, send_put
from bench.kit.servers import Subject, cimaise, nginx

FILE_BYTES = 200 * MIB
RANGE_BYTES = MIB
RANGES = 150
FRONT_ROUNDS = 16
"""As many rounds as elsewhere make one: one connection has the core that it gets, good or bad."""

NAME = "large.bin"

_PLACE = """
location / {{ proxy_pass http://ours; proxy_http_version 1.1; proxy_set_header Connection ""; }}
location /_files/ {{ internal; alias {data}/; etag off; add_header ETag $upstream_http_etag; }}
"""


def _fetch(subject: Subject, path: str, headers: list[str]) -> int:
    """Requests on one connection; gives the bytes of their bodies."""
    buffer, got = bytearray(MIB), 0
    with socket.create_connection(("127.0.0.1", subject.port), timeout=60) as connection:
        for more in headers:
            text = f"GET {path} HTTP/1.1\r\nHost: bench\r\n{more}\r\n"
            connection.sendall(text.encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(16_384)
            status, _, fields = head.partition(b"\r\n")
            if int(status.split()[1]) not in (200, 206):
                raise RuntimeError(status.decode())
            length = fields.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            left = int(length) - len(head.partition(b"\r\n\r\n")[2])
            got += int(length)
            while left:  # the kernel drops the bytes: nothing is copied to us
                count = connection.recv_into(buffer, min(left, MIB), socket.MSG_TRUNC)
                if not count:
                    raise RuntimeError("the answer ended early")
                left -= count
    return got


def _together(subject: Subject, path: str, connections: int, headers: list[str]) -> Facts:
    got: list[int] = []
    threads = [
        threading.Thread(target=lambda: got.append(_fetch(subject, path, headers)))
        for _ in range(connections)
    ]
    cpu_s, began_s = subject.cpu_s(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began_s
    if len(got) != connections:
        raise RuntimeError("a client failed")
    size = sum(got)
    return {
        "MiB/s": size / MIB / seconds,
        "CPU s/GiB": (subject.cpu_s() - cpu_s) * (1 << 30) / size,
    }


def _publish(subject: Subject) -> str:
    """The path of a new public file of random bytes."""
    answer = send_put(subject, FILE_BYTES).head
    line = next(one for one in answer.split("\r\n") if one.lower().startswith("location:"))
    return f"/files/{line.rpartition('/')[2]}"


def _same(subject: Subject, root: Path) -> str:
    """The path in nginx' folder of the very file that was published.

    A copy is other pages of memory, and those alone can make a tenth of a difference.
    """
    everything = Path(subject.facts["data"]).rglob("*")
    (file,) = (one for one in everything if one.is_file() and one.stat().st_size == FILE_BYTES)
    (root / NAME).hardlink_to(file)
    return f"/{NAME}"


def _ranges() -> list[str]:
    places = random.Random(1)
    starts = [places.randrange(0, FILE_BYTES - RANGE_BYTES) for _ in range(RANGES)]
    return [f"Range: bytes={start}-{start + RANGE_BYTES - 1}\r\n" for start in starts]


def _pair(ours: Callable[[], Facts], theirs: Callable[[], Facts]) -> dict[str, Callable[[], Facts]]:
    for warm_up in (ours, theirs):
        warm_up()
    return {"cimaise": ours, "nginx": theirs}


def measure_originals(report: Report, ours: Subject, theirs: Subject, *, rounds: int) -> None:
    """200 MiB whole on one and four connections, 1 MiB ranges of it on eight."""
    here = _publish(ours)
    there = _same(ours, Path(theirs.facts["data"]))
    of = ("cimaise", "nginx")
    for connections in (1, 4):
        turns = _pair(
            partial(_together, ours, here, connections, [""] * 3),
            partial(_together, theirs, there, connections, [""] * 3),
        )
        taken = take_turns(turns, rounds)
        report.keep(f"originals c{connections}", taken)
        report.ratio(f"200 MiB on {connections} connections", taken, "MiB/s", of, least=0.75)
        report.ratio(f"200 MiB on {connections} connections", taken, "CPU s/GiB", of, most=2.0)
    turns = _pair(
        partial(_together, ours, here, 8, _ranges()),
        partial(_together, theirs, there, 8, _ranges()),
    )
    taken = take_turns(turns, rounds)
    report.keep("ranges c8", taken)
    report.ratio("1 MiB ranges on 8 connections", taken, "MiB/s", of, least=0.7)


def measure_front(report: Report, folder: Path, root: Path, *, rounds: int) -> None:
    """The file through nginx, which asks us whether it may."""
    with cimaise(folder, {"CIMAISE_SERVER_SEND_FILES_BY": "x-accel-redirect"}) as ours:
        here = _publish(ours)
        there = _same(ours, root)
        place = _PLACE.format(data=ours.facts["data"])
        upstream = f"upstream ours {{ server 127.0.0.1:{ours.port}; keepalive 64; }}"
        with (
            nginx(folder, root, server=place, http=upstream, name="front") as front,
            nginx(folder, root) as alone,
        ):
            both = replace(front, pids=[*front.pids, *ours.pids])
            taken = take_turns(
                _pair(
                    partial(_together, both, here, 1, [""] * 3),
                    partial(_together, alone, there, 1, [""] * 3),
                ),
                rounds * FRONT_ROUNDS,
            )
    report.keep("X-Accel-Redirect", taken)
    report.ratio("200 MiB by X-Accel-Redirect", taken, "MiB/s", ("cimaise", "nginx"), least=0.9)
