"""The rules and the dashboard before a real Prometheus that has scraped a real server."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import left_out
from tests.kit.free_port import free_port, wait_until_it_listens

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ABSENT = "Prometheus is not installed: install the package prometheus"
LIMIT_S = 60
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    if shutil.which("promtool") is None or shutil.which("prometheus") is None:
        left_out(ABSENT)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    with running_application(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, server: RunningApplication
) -> Iterator[httpx2.Client]:
    """One with our own files, but for the server's address and the time between two looks."""
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copy(DEPLOY / "prometheus/alerts.yml", folder)
    text = (DEPLOY / "prometheus/prometheus.yml").read_text()
    text = text.replace("127.0.0.1:3023", server.url.removeprefix("http://")).replace("30s", "1s")
    (folder / "prometheus.yml").write_text(text)
    port = free_port()
    command = ["prometheus", f"--config.file={folder}/prometheus.yml",
               f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        wait_until_it_listens(port, process)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_S) as client:
            started = time.monotonic()
            while not results(client, 'up{job="cimaise"} == 1'):
                assert time.monotonic() - started < LIMIT_S
            yield client
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def results(client: httpx2.Client, expression: str) -> list[Any]:
    answer = client.get("/api/v1/query", params={"query": expression})
    if answer.status_code == 503:  # it is still reading
        return []
    body = answer.json()
    assert body["status"] == "success", (expression, body)
    return list(body["data"]["result"])


def dashboard() -> list[str]:
    panels = json.loads((DEPLOY / "grafana/cimaise.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def rules(client: httpx2.Client) -> list[dict[str, Any]]:
    groups = client.get("/api/v1/rules").json()["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_promtool_finds_nothing_wrong_with_the_rules_and_the_configuration():
    folder = DEPLOY / "prometheus"
    for words in (["rules", "alerts.yml"], ["config", "prometheus.yml"]):
        done = subprocess.run(["promtool", "check", *words], cwd=folder, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_every_expression_of_the_dashboard_is_understood(prometheus: httpx2.Client):
    expressions = dashboard()
    assert len(expressions) > 5
    for expression in expressions:
        results(prometheus, re.sub(r"\$__(?:rate_)?interval|\$__range", "1m", expression))


def test_every_alert_is_evaluated_and_none_fires_at_a_server_at_rest(prometheus: httpx2.Client):
    found = rules(prometheus)
    assert len(found) == (DEPLOY / "prometheus/alerts.yml").read_text().count("- alert:")
    for rule in found:
        results(prometheus, rule["query"])
        assert rule["state"] == "inactive", rule["name"]
        assert rule["health"] in ("ok", "unknown"), rule
