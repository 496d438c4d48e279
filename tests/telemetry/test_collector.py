"""A real server sends its spans and its metrics to a real OpenTelemetry Collector."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.kit.otelcol import Collector, Span, collector
from tests.kit.pictures import quadrants
from tests.kit.server_process import prepare_data, server_process

PICTURE = bytes(quadrants(320, 240).jpegsave_buffer())
UPLOAD, VARIANT, DOWNLOAD = "1" * 32, "2" * 32, "3" * 32  # traces
CALLER = "00f067aa0ba902b7"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """What came of one upload, one picture of another size and one download."""
    folder = tmp_path_factory.mktemp("traced")
    with collector(folder) as taking:
        settings = {
            "CIMAISE_TRACES_ENDPOINT": f"{taking.endpoint}/v1/traces",
            "CIMAISE_METRICS_ENDPOINT": f"{taking.endpoint}/v1/metrics",
            "CIMAISE_METRICS_INTERVAL": "1h",  # the last values go at the end
        }
        key = prepare_data(folder / "data", {}, "holiday")
        with server_process(folder / "data", settings) as server:
            use(server.url, key)
            server.terminate()
        taking.stop()
        yield taking


def use(url: str, key: str) -> None:
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:

        def asked(method: str, path: str, trace: str, content: bytes = b"") -> httpx2.Response:
            headers = {"traceparent": f"00-{trace}-{CALLER}-01"}
            answer = client.request(method, path, headers=headers, content=content or None)
            return answer.raise_for_status()

        made = asked("PUT", "/api/collections/holiday/files/a.jpg", UPLOAD, PICTURE)
        file_id = made.json()["id"]
        asked("GET", f"/images/{file_id}?width=100", VARIANT)
        assert asked("GET", f"/files/{file_id}", DOWNLOAD).content == PICTURE


def of(received: Collector, trace: str, name: str) -> Span:
    """The one span of a trace that is called so."""
    spans = [span for span in received.spans() if span.trace == trace]
    named = [span for span in spans if span.name == name]
    assert len(named) == 1, [span.name for span in spans]
    return named[0]


@pytest.mark.parametrize(
    ("trace", "request_name", "storage_name"),
    [
        (UPLOAD, "PUT /api/collections/{name}/files/{filename}", "storage write"),
        (VARIANT, "GET /images/{id}", "storage open"),
        (DOWNLOAD, "GET /files/{id}", "storage open"),
    ],
)
def test_a_request_goes_on_with_its_callers_trace_and_the_storage_with_the_requests(
    received: Collector, trace: str, request_name: str, storage_name: str
):
    request = of(received, trace, request_name)
    storage = of(received, trace, storage_name)
    assert request.parent == CALLER
    assert storage.parent == request.id
    assert request.service == "cimaise"


def points(received: Collector, name: str, kind: str) -> list[dict[str, Any]]:
    """What was sent of a metric, each with its labels as ``of``."""
    (metric,) = [one for one in received.metrics() if one["name"] == name]
    found: list[dict[str, Any]] = metric[kind]["dataPoints"]
    return [
        point
        | {"of": {one["key"]: one["value"]["stringValue"] for one in point.get("attributes", ())}}
        for point in found
    ]


def test_what_was_counted_is_sent_when_the_server_stops(received: Collector):
    counted = {
        point["of"]["route"]: point["asDouble"]
        for point in points(received, "cimaise_requests_total", "sum")
    }
    sent = {
        point["of"]["route"]: point["asDouble"]
        for point in points(received, "cimaise_sent_bytes_total", "sum")
    }
    assert counted["/api/collections/{name}/files/{filename}"] == 1
    assert sent["/files/{id}"] == len(PICTURE)
    assert [point["asDouble"] for point in points(received, "cimaise_stored_bytes", "gauge")] == [
        len(PICTURE)
    ]


def test_a_histogram_comes_whole(received: Collector):
    (made,) = points(received, "cimaise_variant_seconds", "histogram")
    assert int(made["count"]) == sum(int(each) for each in made["bucketCounts"]) == 1
    assert len(made["bucketCounts"]) == len(made["explicitBounds"]) + 1
    assert made["sum"] > 0
    assert "min" not in made
