import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cimaise import telemetry
from cimaise.telemetry.otel import OpenTelemetryTracer
from tests.kit.application import running_application

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_request_and_what_the_storage_did_for_it_are_one_trace(tmp_path):
    exporter = InMemorySpanExporter()
    tracer = OpenTelemetryTracer(exporter)
    telemetry.use_tracer(tracer)
    try:
        with running_application(tmp_path) as server, server.client(server.person("ann")) as client:
            headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
            path = "/api/collections/inbox/files/a.txt"
            client.put(path, content=b"traced", headers=headers).raise_for_status()
    finally:
        telemetry.use_tracer(None)
        tracer.close()
    ours = [span for span in exporter.get_finished_spans() if span.context.trace_id == int(TRACE, 16)]  # fmt: skip
    names = {span.name for span in ours}
    assert "PUT /api/collections/{name}/files/{filename}" in names
    assert "storage write" in names
    [root] = [span for span in ours if span.name.startswith("PUT")]
    [write] = [span for span in ours if span.name == "storage write"]
    assert write.parent is not None
    assert root.parent is not None
    assert write.parent.span_id == root.context.span_id
    assert root.parent.span_id == int("00f067aa0ba902b7", 16)


def test_without_a_tracer_a_span_is_nothing():
    with telemetry.span("x", kind="y") as span:
        assert span is None


@pytest.fixture(autouse=True)
def _no_tracer():
    yield
    telemetry.use_tracer(None)
