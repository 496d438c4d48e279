"""Spans to an OpenTelemetry collector, by OTLP over HTTP. Needs the extra ``otel``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter


class OpenTelemetryTracer:
    """See :class:`cimaise.telemetry.spans.Tracer`. ``close`` sends what is left.

    Args:
        exporter: Where spans go; made from a URL by :func:`open_tracer`.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "cimaise"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("cimaise")

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, str], carrier: Mapping[str, str] | None
    ) -> Iterator[object]:
        """See the protocol."""
        context = extract(carrier) if carrier is not None else None
        with self._tracer.start_as_current_span(
            name, context=context, attributes=dict(attributes)
        ) as span:
            yield span

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def open_tracer(endpoint: str) -> OpenTelemetryTracer:
    """Spans go to ``endpoint``, such as ``http://127.0.0.1:4318/v1/traces``."""
    return OpenTelemetryTracer(OTLPSpanExporter(endpoint=endpoint, timeout=5))
