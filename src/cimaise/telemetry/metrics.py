"""Every metric, declared once, in Prometheus' form.

Counters and histograms of several server processes are added up: where ``PROMETHEUS_MULTIPROC_DIR``
is set when this is imported, the client keeps its values in files of that folder, and whichever
process is asked reads all of them. ``cimaise serve`` sets it for its workers.

Labels have few values: route templates, verbs, codes. Never accounts, files or addresses; what is
counted for each account is in the database (``cimaise usage``).
"""

import errno
import os
import shutil
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PREFIX: Final = "cimaise_"
_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # the client's own name for it


Together = Literal["livesum", "livemin", "livemax"]


class Kind(StrEnum):
    """What a metric is."""

    COUNTER = "counter"  # only goes up
    GAUGE = "gauge"  # a level of all processes together
    HISTOGRAM = "histogram"  # how often a value was in which bucket


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's declaration; its name is :data:`PREFIX` and its key in :data:`METRICS`."""

    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    together: Together = "livesum"  # what counts of a level's processes


_SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

METRICS: Final[Mapping[str, Metric]] = {
    "requests_total": Metric(
        Kind.COUNTER, "Requests answered.", ("route", "method", "status", "outcome")
    ),
    "request_seconds": Metric(
        Kind.HISTOGRAM, "From a request to the end of its answer.", ("route",), _SECONDS
    ),
    "sent_bytes_total": Metric(Kind.COUNTER, "Bytes of bodies that were answered.", ("route",)),
    "received_bytes_total": Metric(Kind.COUNTER, "Bytes of bodies that came in.", ("route",)),
    "problems_total": Metric(Kind.COUNTER, "Errors that were answered, by code.", ("code",)),
    "limited_total": Metric(
        Kind.COUNTER, "Requests refused because they were too many, by kind.", ("kind",)
    ),
    "storage_operations_total": Metric(
        Kind.COUNTER,
        "Calls of the storage, by operation and outcome; one may be several requests, or none.",
        ("operation", "outcome"),
    ),
    "storage_requests_total": Metric(
        Kind.COUNTER,
        "Requests to the bucket as sent, other tries too, by S3's name and the provider's class.",
        ("request", "billing"),
    ),
    "storage_seconds": Metric(
        Kind.HISTOGRAM, "What a call of the storage took.", ("operation",), _SECONDS
    ),
    "storage_bytes_total": Metric(
        Kind.COUNTER, "Bytes between this server and the storage.", ("operation",)
    ),
    "signed_urls_total": Metric(Kind.COUNTER, "Signed URLs given out.", ("operation",)),
    "events_total": Metric(
        Kind.COUNTER,
        "Changes that were committed, by the audit log's action; upload.* is the upload funnel.",
        ("action",),
    ),
    "variants_total": Metric(
        Kind.COUNTER,
        "Pictures asked for in some size: ready in memory, kept, made or failed.",
        ("outcome",),
    ),
    "variant_seconds": Metric(Kind.HISTOGRAM, "What making a picture took.", (), _SECONDS),
    "pictures_waiting": Metric(Kind.GAUGE, "Pictures that wait to be made."),
    "variant_cache_bytes": Metric(
        Kind.GAUGE, "Pictures in some size that are kept on this machine.", together="livemax"
    ),
    "job_runs_total": Metric(Kind.COUNTER, "Runs of jobs: done or failed.", ("job", "outcome")),
    "job_seconds": Metric(
        Kind.HISTOGRAM, "What a run of a job took.", ("job",), (0.01, 0.1, 1.0, 10.0, 60.0, 600.0)
    ),
    "certificate_expires_seconds": Metric(
        Kind.GAUGE,
        "When the TLS certificate ends, in seconds since 1970; 0: the server has none.",
        together="livemin",
    ),
    "state_away": Metric(Kind.GAUGE, "Processes that cannot reach the shared state."),
}

_Made = Counter | Gauge | Histogram


def _make(name: str, metric: Metric, registry: CollectorRegistry) -> _Made:
    full = PREFIX + name
    if metric.kind is Kind.COUNTER:
        return Counter(full, metric.meaning, metric.labels, registry=registry)
    if metric.kind is Kind.GAUGE:
        return Gauge(
            full,
            metric.meaning,
            metric.labels,
            registry=registry,
            multiprocess_mode=metric.together,
        )
    return Histogram(full, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)


_registry: Final = CollectorRegistry()
_made: Final = {name: _make(name, metric, _registry) for name, metric in METRICS.items()}
_labelled: Final = dict[tuple[Any, ...], _Made]()


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter. ``KeyError`` for a name that is not declared."""
    made = _of(name, labels)
    if isinstance(made, Counter):
        made.inc(amount)


def level(name: str, value: float, **labels: str) -> None:
    """Set a gauge of this process."""
    made = _of(name, labels)
    if isinstance(made, Gauge):
        made.set(value)


def observe(name: str, value: float, **labels: str) -> None:
    """Put a value into a histogram."""
    made = _of(name, labels)
    if isinstance(made, Histogram):
        made.observe(value)


class Observations:
    """Values of one histogram that are added up here first: :meth:`settle` puts them in.

    For what happens ten thousand times a second. The client has no way to put in many at once, so
    this knows the parts of its histogram: a sum, and a counter for each bound.
    """

    __slots__ = ("_bounds", "_buckets", "_counts", "_sum", "_total")

    def __init__(self, name: str, **labels: str) -> None:
        """``KeyError`` where it is no histogram."""
        made = _of(name, labels)
        if not isinstance(made, Histogram):
            raise KeyError(name)
        self._buckets, self._total = made._buckets, made._sum  # noqa: SLF001 (see above)
        self._bounds: list[float] = list(made._upper_bounds)  # noqa: SLF001 (see above)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def settle(self) -> None:
        """Put in what was added since the last time."""
        counts, self._counts = self._counts, [0] * len(self._bounds)
        total, self._sum = self._sum, 0.0
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        if total:
            self._total.inc(total)


def _of(name: str, labels: Mapping[str, str]) -> _Made:
    """The metric with these labels; they have few values, and the client is slow to look them up."""
    key = (name, *labels.items())
    found = _labelled.get(key)
    if found is None:
        made = _made[name]
        found = _labelled[key] = made.labels(**labels) if labels else made
    return found


def expose(facts: Mapping[str, tuple[str, float]] | None = None) -> bytes:
    """All metrics of all processes as text.

    Args:
        facts: Further gauges by name, each with its meaning: what was just read elsewhere.
    """
    registry = _registry
    if os.environ.get(_FOLDER):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    text = generate_latest(registry)
    if facts:
        text += generate_latest(_registry_of(facts))
    return text


def _registry_of(facts: Mapping[str, tuple[str, float]]) -> CollectorRegistry:
    registry = CollectorRegistry()
    for name, (meaning, value) in facts.items():
        Gauge(PREFIX + name, meaning, registry=registry).set(value)
    return registry


def share(*folders: Path) -> Path:
    """Let processes that are started from here on keep their values in one folder, empty now.

    The first that can be made is taken; ``OSError`` where none can. The client maps files with holes
    into memory, so on a full disk a process would end by a signal (SIGBUS): name memory first.
    """
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError:
            continue
        os.environ[_FOLDER] = str(folder)
        return folder
    raise OSError(errno.ENOENT, "There is no place for metrics.")


def forget_process(process_id: int) -> None:
    """A process has ended: its levels count no more, its counters do."""
    if os.environ.get(_FOLDER):
        mark_process_dead(process_id)  # type: ignore[no-untyped-call]
