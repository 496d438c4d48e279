"""Metrics to an OpenTelemetry collector, by OTLP over HTTP. Needs the extra ``otel``.

They are what ``/metrics`` tells, under the same names: nothing is counted twice. Sums and
histograms are cumulative since the start of the server (OpenTelemetry, "Metrics Data Model").
"""

import platform
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_CUMULATIVE: Final = sdk.AggregationTemporality.CUMULATIVE
_TIMEOUT_S: Final = 5
_Labels = tuple[tuple[str, str], ...]


class MetricsExport:
    """Sends; from one thread at a time. ``close`` it."""

    def __init__(
        self, exporter: sdk.MetricExporter, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """``exporter`` is made from a URL by :func:`open_export`; ``now_ns``: since 1970."""
        self._exporter = exporter
        self._now_ns = now_ns
        self._began_ns = now_ns()
        facts = {SERVICE_NAME: "cimaise", SERVICE_INSTANCE_ID: platform.node()}
        self._resource = Resource.create(facts)

    def send(self, text: bytes) -> bool:
        """Send all that ``text``, an answer of ``/metrics``, tells; whether it was taken."""
        metrics = list(_metrics(text.decode(), self._began_ns, self._now_ns()))
        scope = sdk.ScopeMetrics(InstrumentationScope("cimaise"), metrics, "")
        whole = sdk.MetricsData([sdk.ResourceMetrics(self._resource, [scope], "")])
        return self._exporter.export(whole) is sdk.MetricExportResult.SUCCESS

    def close(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()


def open_export(endpoint: str) -> MetricsExport:
    """Metrics go to ``endpoint``, such as ``http://127.0.0.1:4318/v1/metrics``."""
    return MetricsExport(OTLPMetricExporter(endpoint=endpoint, timeout=_TIMEOUT_S))


def _metrics(text: str, began_ns: int, now_ns: int) -> Iterator[sdk.Metric]:
    for family in text_string_to_metric_families(text):
        if not family.samples or family.name.endswith("_created"):  # OTLP has the time of its own
            continue
        data: sdk.Sum | sdk.Gauge | sdk.Histogram
        name = family.name
        if family.type == "counter":
            name = f"{name}_total"
            data = sdk.Sum(_numbers(family, name, began_ns, now_ns), _CUMULATIVE, is_monotonic=True)
        elif family.type == "histogram":
            data = sdk.Histogram(_distributions(family, began_ns, now_ns), _CUMULATIVE)
        else:
            data = sdk.Gauge(_numbers(family, name, began_ns, now_ns))
        yield sdk.Metric(name, family.documentation, "", data)


def _numbers(family: Family, name: str, began_ns: int, now_ns: int) -> list[sdk.NumberDataPoint]:
    return [
        sdk.NumberDataPoint(dict(sample.labels), began_ns, now_ns, sample.value)
        for sample in family.samples
        if sample.name == name
    ]


def _distributions(family: Family, began_ns: int, now_ns: int) -> list[sdk.HistogramDataPoint]:
    """One for each set of labels, from samples that count up to a bound, and of all together."""
    by_labels: dict[_Labels, list[Sample]] = {}
    for sample in family.samples:
        labels = tuple((key, text) for key, text in sample.labels.items() if key != "le")
        by_labels.setdefault(labels, []).append(sample)
    return [
        _distribution(labels, samples, began_ns, now_ns) for labels, samples in by_labels.items()
    ]


def _distribution(
    labels: _Labels, samples: Iterable[Sample], began_ns: int, now_ns: int
) -> sdk.HistogramDataPoint:
    up_to: dict[float, int] = {}
    total = 0.0
    for sample in samples:
        if sample.name.endswith("_bucket"):
            up_to[float(sample.labels["le"])] = int(sample.value)
        elif sample.name.endswith("_sum"):
            total = sample.value
    bounds = sorted(up_to)
    counts = [up_to[bound] for bound in bounds]
    in_each = [here - below for here, below in zip(counts, [0, *counts], strict=False)]
    not_known: Any = None  # the least and the greatest value are optional in the protocol
    return sdk.HistogramDataPoint(
        dict(labels),
        began_ns,
        now_ns,
        counts[-1],
        total,
        in_each,
        bounds[:-1],
        not_known,
        not_known,
    )
