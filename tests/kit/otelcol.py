"""The OpenTelemetry Collector: what it received by OTLP, read back from the file that it wrote."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kit.free_port import free_port, wait_until_it_listens

LIMIT_S = 60
ABSENT = "the OpenTelemetry Collector is not installed: tests/services/install builds it with go"
CONFIGURATION = {
    "receivers": {"otlp": {"protocols": {"http": {}}}},
    "exporters": {"file": {}},
    "service": {
        "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
        "pipelines": {
            "traces": {"receivers": ["otlp"], "exporters": ["file"]},
            "metrics": {"receivers": ["otlp"], "exporters": ["file"]},
        },
    },
}


@dataclass(frozen=True)
class Span:
    """As the Collector understood it; ids are hex, ``parent`` is empty for a root."""

    service: str
    trace: str
    id: str
    parent: str
    name: str


class Collector:
    """A running one. ``endpoint`` takes OTLP over HTTP; what came is known once it has ended."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, file: Path) -> None:
        self._process = process
        self._file = file
        self.endpoint = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Let it write what it still has, and end."""
        self._process.terminate()
        assert self._process.wait(LIMIT_S) == 0

    def spans(self) -> list[Span]:
        """Every span that came."""
        return [
            Span(
                _text(resource["resource"], "service.name"), span["traceId"], span["spanId"],
                span.get("parentSpanId", ""), span["name"],
            )
            for batch in self._lines()
            for resource in batch.get("resourceSpans", ())
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]  # fmt: skip

    def metrics(self) -> list[dict[str, Any]]:
        """Every metric that came, oldest first, in the protocol's JSON."""
        return [
            metric
            for batch in self._lines()
            for resource in batch.get("resourceMetrics", ())
            for scope in resource["scopeMetrics"]
            for metric in scope["metrics"]
        ]

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._file.read_text("utf-8").splitlines()]


def _text(holder: dict[str, Any], name: str) -> str:
    found = {one["key"]: one["value"] for one in holder.get("attributes", ())}
    return str(found.get(name, {}).get("stringValue", ""))


def collector_binary() -> str:
    """Where it is.

    It is built from two hundred modules of other people: where one of them cannot be had, the
    tests of this server's own spans still run, so this one is left out, and says so.
    """
    built = Path(os.environ.get("GOPATH") or Path.home() / "go") / "bin/cimaise-otelcol"
    found = shutil.which("otelcol-contrib") or (str(built) if built.exists() else None)
    return found or pytest.skip(ABSENT)


@contextmanager
def collector(folder: Path) -> Iterator[Collector]:
    """Start one on a free port; killed at the end if it still runs."""
    binary, port, file = collector_binary(), free_port(), folder / "received.jsonl"
    text = json.loads(json.dumps(CONFIGURATION))
    text["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = f"127.0.0.1:{port}"
    text["exporters"]["file"]["path"] = str(file)
    (folder / "collector.yaml").write_text(json.dumps(text))  # JSON is YAML
    process = subprocess.Popen([binary, "--config", str(folder / "collector.yaml")])
    try:
        wait_until_it_listens(port, process)
        yield Collector(process, port, file)
    finally:
        process.kill()
        process.wait(LIMIT_S)
