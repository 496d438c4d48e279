import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from cimaise import telemetry
from cimaise.cli.manual import metrics_reference
from cimaise.telemetry.metrics import METRICS, PREFIX, Kind
from cimaise.web.operation.metrics import LEVELS
from tests.kit.application import RunningApplication, running_application
from tests.kit.sending import make_collection, publish_file

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = re.compile(r"^(\w+?)(?:\{(.*)\})? ([-+.0-9eE]+|NaN)$", re.MULTILINE)
NAME = re.compile(r"cimaise_[a-z_]+")
LABEL = re.compile(r'(\w+)="([^"]*)"')
FILES = ("deploy/grafana/cimaise.json", "deploy/prometheus/alerts.yml")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    with running_application(tmp_path_factory.mktemp("data")) as running:
        yield running


def scrape(server: RunningApplication) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = httpx2.get(server.url + "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (name, frozenset(LABEL.findall(labels or ""))): float(value)
        for name, labels, value in SAMPLE.findall(answer.text)
    }


def value(samples: dict, name: str, **labels: str) -> float:
    """The sum of the samples that have these labels."""
    wanted = set(labels.items())
    return sum(amount for (found, has), amount in samples.items() if found == PREFIX + name and wanted <= has)  # fmt: skip


def test_refusals_of_other_protocols_are_counted_as_well(server: RunningApplication):
    before = scrape(server)
    with server.client(server.person("counted-too")) as client:
        assert client.post("/tus/", headers={"Tus-Resumable": "0.1"}).status_code == 412
        assert client.get("/companion/s3/params").status_code == 422
    after = scrape(server)
    for code in ("precondition_failed", "invalid"):
        grew = value(after, "problems_total", code=code) - value(
            before, "problems_total", code=code
        )
        assert grew == 1


def test_what_was_sent_is_what_is_counted(server: RunningApplication):
    ann = server.person("counted")
    before = scrape(server)
    content = b"hello, counters" * 1000
    with server.client(ann) as client:
        path = "/api/collections/inbox/files/a.txt"
        file = client.put(path, content=content).raise_for_status().json()
        for _ in range(3):
            assert client.get(f"/files/{file['id']}").content == content
        assert client.get("/files/nothing-like-this").status_code == 404
    after = scrape(server)

    def grew(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert grew("requests_total", route="/files/{id}", status="200") == 3
    assert grew("requests_total", route="/files/{id}", status="404") == 1
    assert grew("problems_total", code="not_found") == 1
    assert grew("sent_bytes_total", route="/files/{id}") >= 3 * len(content)
    put = "/api/collections/{name}/files/{filename}"
    assert grew("received_bytes_total", route=put) == len(content)
    assert grew("events_total", action="file.published") == 1
    assert grew("events_total", action="upload.published") == 1
    assert grew("storage_operations_total", operation="open", outcome="ok") >= 3
    assert grew("stored_bytes") == len(content)
    assert grew("request_seconds_count", route="/files/{id}") == 4


def test_a_label_never_holds_what_a_client_can_think_of(server: RunningApplication):
    for number in range(5):
        httpx2.get(f"{server.url}/no/such/path/{number}")
        httpx2.request("BREW", f"{server.url}/files/{number}")
    text = httpx2.get(server.url + "/metrics").text
    assert "/no/such" not in text
    assert "BREW" not in text


def test_use_is_reported_by_day_and_account(server: RunningApplication):
    ann = server.person("used")
    with server.client(ann) as client:
        path = "/api/collections/inbox/files/b.txt"
        file = client.put(path, content=b"x" * 5000).raise_for_status().json()
        client.get(f"/files/{file['id']}?download=1")
    usage = server.application.services.operation.usage
    server.run(usage.flush())
    report = server.run(usage.report(f"{server.application.services.clock():%Y-%m}"))
    [day] = [day for day in report.days if day.name == "used"]
    assert day.received_bytes == 5000
    assert day.sent_bytes > 5000
    assert day.requests == 2
    assert report.operations["write"] >= 1


def test_bytes_for_a_signed_address_count_for_whoever_began_the_upload(server: RunningApplication):
    body = b"y" * 70_000
    with server.client(server.person("began")) as client:
        publish_file(client, make_collection(server, client), "c.txt", body)
    usage = server.application.services.operation.usage
    server.run(usage.flush())
    report = server.run(usage.report(f"{server.application.services.clock():%Y-%m}"))
    received = {day.name: day.received_bytes for day in report.days}
    assert received["began"] >= len(body)
    assert received.get("", 0) < len(body)


def test_metrics_can_be_for_whoever_has_their_token(tmp_path: Path):
    from dataclasses import replace  # noqa: PLC0415

    token = "a-token-of-at-least-thirty-two-bytes"

    def closed(settings):
        return replace(settings, metrics=replace(settings.metrics, token=token))

    with running_application(tmp_path, closed) as server:
        url = server.url + "/metrics"
        assert httpx2.get(url).status_code == 401
        assert httpx2.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 401
        answer = httpx2.get(url, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200


def test_every_metric_is_documented_and_none_besides():
    page = (ROOT / "docs/reference/metrics.md").read_text("utf-8")
    assert page == metrics_reference()
    assert set(NAME.findall(page)) == {PREFIX + name for name in (*METRICS, *LEVELS)}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_counted_somewhere(name: str):
    sources = (ROOT / "src/cimaise").rglob("*.py")
    calls = re.compile(rf'\b(?:count|level|observe)\(\s*"{name}"')
    assert any(calls.search(path.read_text("utf-8")) for path in sources)


@pytest.mark.parametrize("file", FILES)
def test_dashboard_and_alerts_name_metrics_and_labels_that_there_are(file: str):
    text = (ROOT / file).read_text("utf-8")
    if file.endswith(".json"):
        text = "\n".join(
            target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]
        )
    suffixes = {Kind.HISTOGRAM: ("_bucket", "_count", "_sum")}
    known = {PREFIX + name for name in LEVELS}
    for name, metric in METRICS.items():
        known |= {PREFIX + name + end for end in suffixes.get(metric.kind, ("",))}
    assert set(NAME.findall(text)) - known == set()
    labels = {label for metric in METRICS.values() for label in metric.labels} | {"le"}
    grouped = {one.strip() for group in re.findall(r"by \(([^)]*)\)", text) for one in group.split(",")}  # fmt: skip
    matched = set(re.findall(r"[{,](\w+)(?:=~|!=|=)", text)) - {"job", "severity"}
    assert (grouped | matched) - labels == set()


def test_a_metric_that_is_not_declared_cannot_be_counted():
    with pytest.raises(KeyError):
        telemetry.count("nothing_like_this")
