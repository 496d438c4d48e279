"""Thousands of slow uploads at once, and what is left of one when the server is killed."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.kit.rounds import Facts, Report
from bench.kit.sending import (
    BLOCK,
    MIB,
    begin_tus,
    connected,
    patch_head,
    read_head,
    send_tus,
)
from bench.kit.servers import Subject, cimaise, tusd

if TYPE_CHECKING:
    from tests.kit.postgres import PostgresServer

CROWDS = (2_000, 6_000)
PIECE = 4_096
SIZE = 64 * PIECE
ENDING = 50
_CONNECTIONS = """
select count(*) from pg_stat_activity where datname = 'bench' and backend_type = 'client backend'
"""
KILLED_AFTER = 200 * MIB
POOL = {"CIMAISE_DATABASE_READERS": "4"}  # and one connection that writes


def _allow_files() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _crowd(subject: Subject, count: int, *, ending: int = ENDING) -> Facts:
    """So many uploads that drip; memory once all are under way, and how many of some can end."""
    send_tus(subject, MIB)
    idle = subject.memory_mib()
    paths = [begin_tus(subject, SIZE) for _ in range(count)]
    with ExitStack() as stack:
        connections: list[socket.socket] = []
        for path in paths:
            connection = stack.enter_context(connected(subject))
            connection.sendall((patch_head(path) + f"Content-Length: {SIZE}\r\n\r\n").encode())
            connections.append(connection)
        for _ in range(3):
            for connection in connections:
                connection.sendall(BLOCK[:PIECE])
        time.sleep(2)  # whoever collects rubbish has done so
        memory = subject.memory_mib()
        began_s = time.perf_counter()
        for connection in connections[:ending]:
            connection.sendall(BLOCK[: SIZE - 3 * PIECE])
        said = [read_head(connection) for connection in connections[:ending]]
        ended_s = time.perf_counter() - began_s
    return {
        "idle MiB": idle,
        "MiB": memory,
        "above idle MiB": memory - idle,
        "ended s": ended_s,
        "failed": sum(not one.startswith("HTTP/1.1 204") for one in said),
    }


def measure_slow(report: Report, folder: Path) -> None:
    """Two and six thousand at once, on five connections to the database."""
    _allow_files()
    for count in CROWDS:
        facts = {}
        for name, run in (("cimaise", cimaise), ("tusd", tusd)):
            where = folder / f"{name}-{count}"
            where.mkdir()
            with run(where, POOL) if run is cimaise else run(where) as subject:
                facts[name] = _crowd(subject, count)
        report.keep(f"{count} slow uploads", facts)
        most = 512 if count == CROWDS[0] else 256
        report.claim(
            f"{count} slow uploads at once, MiB in all", facts["cimaise"]["MiB"], most=most
        )
        report.note(f"{count} slow uploads at once, tusd, MiB in all", facts["tusd"]["MiB"])
        report.claim(f"of {ENDING} of them failed", facts["cimaise"]["failed"], most=0)


def measure_slow_on_postgresql(report: Report, folder: Path) -> None:
    """Two thousand at once on PostgreSQL, all of them to their end: five connections are enough."""
    from tests.kit.postgres import running_postgres  # noqa: PLC0415

    _allow_files()
    count = CROWDS[0]
    with running_postgres() as server:
        server.run("create database bench")
        pool = {"CIMAISE_DATABASE_URL": server.url("bench"), "CIMAISE_DATABASE_READERS": "5"}
        with cimaise(folder, pool) as ours, counted(server) as most:
            facts = _crowd(ours, count, ending=count)
    report.keep(f"{count} slow uploads on PostgreSQL", {**facts, "connections": most})
    what = f"{count} slow uploads at once on PostgreSQL"
    report.claim(f"{what}, MiB in all", facts["MiB"], most=512)
    report.claim(f"{what}, connections to it at most", max(most), most=5)
    report.claim(f"{what}, of which failed", facts["failed"], most=0)


@contextmanager
def counted(server: "PostgresServer") -> Iterator[list[int]]:
    """How many connections the database ``bench`` has, looked at all the time."""
    import psycopg  # noqa: PLC0415

    seen: list[int] = []
    is_over = threading.Event()

    def look() -> None:
        where = f"host={server.socket_dir} user=test dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            while not is_over.wait(0.02):
                row = connection.execute(_CONNECTIONS).fetchone()
                seen.append(0 if row is None else row[0])

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        is_over.set()
        looking.join()


def measure_kill(report: Report, folder: Path) -> None:
    """``kill -9`` in the middle of a PATCH, and a stalled connection that is taken over."""
    import os  # noqa: PLC0415
    import signal  # noqa: PLC0415

    with cimaise(folder) as ours:
        path = begin_tus(ours, 2 * KILLED_AFTER)
        with connected(ours) as connection:
            head = patch_head(path) + f"Content-Length: {2 * KILLED_AFTER}\r\n\r\n"
            connection.sendall(head.encode())
            for _ in range(KILLED_AFTER // MIB):
                connection.sendall(BLOCK)
            began_s = time.perf_counter()
            offset = _offset(ours, path)
            report.claim(
                "a stalled connection is taken over, s", time.perf_counter() - began_s, most=0.5
            )
        report.note("bytes kept when it is taken over, of those sent", offset / KILLED_AFTER)
        with connected(ours) as connection:
            head = patch_head(path, offset) + f"Content-Length: {KILLED_AFTER}\r\n\r\n"
            connection.sendall(head.encode())
            for _ in range(100):
                connection.sendall(BLOCK)
            time.sleep(1)  # the kernel has handed over what it had
            os.kill(ours.pids[0], signal.SIGKILL)
        data = Path(ours.facts["data"])
        kept = max(file.stat().st_size for file in data.glob("multipart/*/data"))
        report.claim("bytes kept after kill -9", (kept - offset) / (100 * MIB), least=1.0)


def _offset(subject: Subject, path: str) -> int:
    with connected(subject) as connection:
        text = f"HEAD {path} HTTP/1.1\r\nHost: bench\r\nTus-Resumable: 1.0.0\r\n\r\n"
        connection.sendall(text.encode())
        head = read_head(connection)
    line = next(one for one in head.split("\r\n") if one.lower().startswith("upload-offset:"))
    return int(line.partition(":")[2])
