"""Throughput, CPU and memory of bodies that come in."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.kit.rounds import Facts, Report, take_turns
from bench.kit.sending import MIB, Sent, send_form, send_put, send_tus
from bench.kit.servers import Subject, cimaise

Way = Callable[[Subject, int], Sent]
FORM_BYTES = 5 * 1000**3
PARALLEL, PARALLEL_BYTES = 32, 256 * MIB


def _one(subject: Subject, way: Way, size: int) -> Facts:
    """One upload: MiB/s, CPU-s per GiB, and how much memory it took at most."""
    idle = subject.memory_mib()
    subject.forget_peak()
    cpu_s = subject.cpu_s()
    sent = way(subject, size)
    cpu_s = subject.cpu_s() - cpu_s
    grown = subject.peak_mib() - idle
    _empty(subject)
    return {
        "MiB/s": size / MIB / sent.seconds,
        "CPU s/GiB": cpu_s * (1 << 30) / size,
        "memory MiB": max(grown, 0.0),
    }


def _empty(subject: Subject) -> None:
    """Bytes that were stored are removed; nobody asks for them."""
    root = Path(subject.facts["data"])
    if "key" in subject.facts:
        shutil.rmtree(root / "objects", ignore_errors=True)
        return
    for file in root.iterdir():
        file.unlink()


def measure_throughput(
    report: Report, ours: Subject, theirs: Subject, web: Subject, *, rounds: int, size: int
) -> None:
    """One upload at a time, by every way."""
    turns = {
        "cimaise tus": partial(_one, ours, send_tus, size),
        "cimaise PUT": partial(_one, ours, send_put, size),
        "cimaise form": partial(_one, ours, send_form, size),
        "tusd PATCH": partial(_one, theirs, send_tus, size),
        "nginx PUT": partial(_one, web, send_put, size),
    }
    for warm_up in turns.values():
        warm_up()
    taken = take_turns(turns, rounds)
    report.keep("throughput", taken)
    for name, least in (("tus", 1.0), ("PUT", 1.0), ("form", 0.9)):
        pair = (f"cimaise {name}", "tusd PATCH")
        report.ratio(f"one upload by {name}", taken, "MiB/s", pair, least=least)
        report.ratio(f"one upload by {name}", taken, "CPU s/GiB", pair, most=1.0)
        grown = max(one["memory MiB"] for one in taken[pair[0]])
        report.claim(f"memory that {name} takes, MiB above idle", grown, most=64)
    pair = ("cimaise PUT", "nginx PUT")
    report.ratio("one upload by PUT", taken, "MiB/s", pair, least=0.5)
    report.ratio("one upload by PUT", taken, "CPU s/GiB", pair, most=2.0)


def _many(subject: Subject) -> Facts:
    cpu_s = subject.cpu_s()
    with ThreadPoolExecutor(PARALLEL) as pool:
        sent = list(pool.map(lambda _: send_tus(subject, PARALLEL_BYTES), range(PARALLEL)))
    size = PARALLEL * PARALLEL_BYTES
    slowest = max(one.seconds for one in sent)
    facts = {
        "MiB/s": size / MIB / slowest,
        "CPU s/GiB": (subject.cpu_s() - cpu_s) * (1 << 30) / size,
    }
    _empty(subject)
    return facts


def measure_parallel(report: Report, ours: Subject, theirs: Subject, *, rounds: int) -> None:
    """Thirty-two at once."""
    taken = take_turns({"cimaise": partial(_many, ours), "tusd": partial(_many, theirs)}, rounds)
    report.keep("parallel", taken)
    pair = ("cimaise", "tusd")
    report.ratio(f"{PARALLEL} uploads at once", taken, "MiB/s", pair, least=0.9)
    report.ratio(f"{PARALLEL} uploads at once", taken, "CPU s/GiB", pair, most=0.8)


def measure_form_memory(report: Report, folder: Path) -> None:
    """One form of five gigabytes, to disk and to a bucket."""
    (folder / "disk").mkdir()
    with cimaise(folder / "disk") as ours:
        _one(ours, send_form, MIB)
        facts = _one(ours, send_form, FORM_BYTES)
    report.keep("form to disk", facts)
    report.claim("a form of 5 GB to disk, MiB above idle", facts["memory MiB"], most=64)
    from tests.kit.s3 import make_bucket, start_versitygw  # noqa: PLC0415

    (folder / "gateway").mkdir()
    with ExitStack() as stack:
        bucket = start_versitygw(folder / "gateway")
        stack.callback(bucket.stop)
        texts = {
            "CIMAISE_STORAGE_URL": bucket.url(make_bucket(bucket, "forms")),
            "CIMAISE_STORAGE_ACCESS_KEY_ID": bucket.access_key,
            "CIMAISE_STORAGE_SECRET_ACCESS_KEY": bucket.secret_key,
        }
        ours = stack.enter_context(cimaise(folder, texts))
        _one(ours, send_form, 20 * MIB)
        facts = _one(ours, send_form, FORM_BYTES)
    report.keep("form to a bucket", facts)
    report.claim("a form of 5 GB to a bucket, MiB above idle", facts["memory MiB"], most=64)
