"""A picture of 40 KB that everybody may see, asked for by wrk."""

import re
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.kit.rounds import Facts, Report, take_turns
from bench.kit.sending import read_head, signed_in
from bench.kit.servers import Subject, found

SECONDS = 3
WANTED = range(36_000, 44_000)
_RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")
_WRONG = re.compile(r"Non-2xx or 3xx responses|Socket errors")


def _noise(size: int) -> bytes:
    import pyvips  # noqa: PLC0415

    noise = pyvips.Image.gaussnoise(size, size, sigma=40, mean=128).cast("uchar")
    buffer: bytes = noise.bandjoin([noise, noise]).jpegsave_buffer(Q=90)
    return buffer


def _publish(subject: Subject) -> str:
    """A public picture's id."""
    import json  # noqa: PLC0415

    body = _noise(1000)
    request = urllib.request.Request(
        f"http://127.0.0.1:{subject.port}/api/collections/bench/files/a.jpg",
        data=body,
        method="PUT",
        headers={"Authorization": f"Bearer {subject.facts['key']}"},
    )
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["id"])


def _forty_kilobytes(subject: Subject, file_id: str) -> tuple[str, bytes, str]:
    """Target, bytes and ETag of a variant of about 40 KB."""
    for width in range(150, 900, 20):
        target = f"/images/{file_id}?width={width}&format=webp&quality=80"
        with urllib.request.urlopen(f"http://127.0.0.1:{subject.port}{target}") as answer:
            body = answer.read()
            if len(body) in WANTED:
                return target, body, answer.headers["etag"]
    raise RuntimeError("no width gives a picture of 40 KB")


def _wrk(subject: Subject, target: str, connections: int, headers: Sequence[str] = ()) -> Facts:
    url = f"http://127.0.0.1:{subject.port}{target}"
    more = [part for header in headers for part in ("-H", header)]
    command = [found("wrk"), "-t1", f"-c{connections}", f"-d{SECONDS}s", *more, url]
    cpu_s, began_s = subject.cpu_s(), time.perf_counter()
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if _WRONG.search(said):
        raise RuntimeError(said)
    rate = float(_RATE.search(said)[1])  # type: ignore[index]
    seconds = time.perf_counter() - began_s
    return {"requests/s": rate, "CPU us": (subject.cpu_s() - cpu_s) / seconds / rate * 1e6}


def measure_variants(report: Report, ours: Subject, theirs: Subject, *, rounds: int) -> None:
    """Public on 1, 16 and 64 connections; 304; the same for somebody who signs in."""
    file_id = _publish(ours)
    target, body, etag = _forty_kilobytes(ours, file_id)
    (Path(theirs.facts["data"]) / "a.webp").write_bytes(body)
    report.note("bytes of the picture", len(body))
    of = ("cimaise", "nginx")
    for connections in (1, 16, 64):
        turns = {
            "cimaise": partial(_wrk, ours, target, connections),
            "nginx": partial(_wrk, theirs, "/a.webp", connections),
        }
        taken = take_turns(turns, rounds)
        report.keep(f"public variant c{connections}", taken)
        claim = f"a public picture on {connections} connections"
        report.ratio(claim, taken, "requests/s", of, least=0.5)
    known = {"cimaise": etag, "nginx": _etag(theirs)}
    turns = {
        "cimaise": partial(_wrk, ours, target, 16, [f"If-None-Match: {known['cimaise']}"]),
        "nginx": partial(_wrk, theirs, "/a.webp", 16, [f"If-None-Match: {known['nginx']}"]),
    }
    taken = take_turns(turns, rounds)
    report.keep("304 c16", taken)
    report.ratio("304 on 16 connections", taken, "requests/s", of, least=0.5)
    who = signed_in(ours).strip()
    turns = {
        "cimaise": partial(_wrk, ours, target, 16, [who]),
        "nginx": partial(_wrk, theirs, "/a.webp", 16),
    }
    taken = take_turns(turns, rounds)
    report.keep("signed in c16", taken)
    report.ratio("a picture for who signs in, 16 connections", taken, "requests/s", of, least=0.2)


def _etag(subject: Subject) -> str:
    import socket  # noqa: PLC0415

    with socket.create_connection(("127.0.0.1", subject.port)) as connection:
        connection.sendall(b"HEAD /a.webp HTTP/1.1\r\nHost: bench\r\n\r\n")
        head = read_head(connection)
    line = next(one for one in head.split("\r\n") if one.lower().startswith("etag:"))
    return line.partition(": ")[2]
