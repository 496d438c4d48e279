"""``cimaise serve`` as a process of its own, whose log a test reads as it comes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

LIMIT_S = 60


class Serving:
    """A running ``cimaise serve``."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.log: list[str] = []  # for those that read what comes after the ready line elsewhere

    def wait_ready(self) -> str:
        """Read the log up to the ready line; gives the URL."""
        url: str = self.wait_for("server_ready")["url"]
        return url

    def wait_for(self, event: str) -> dict[str, Any]:
        """Read the log up to an event."""
        stream: IO[str] | None = self.process.stderr
        assert stream is not None
        for line in stream:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == event:
                return self.events[-1]
        raise AssertionError(f"ended without {event}: {self.events}")

    def end(self) -> tuple[int, str]:
        """Wait for its end: exit code and standard output."""
        out, log = self.process.communicate(timeout=LIMIT_S)
        self.events += [json.loads(line) for line in log.splitlines()]
        return self.process.returncode, out


@contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[Serving]:
    """Start one on a free port; killed at the end if it still runs."""
    command = [sys.executable, "-m", "cimaise", "serve", "--data-dir", str(data_dir)]
    process = subprocess.Popen(
        [*command, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Serving(process)
        finally:
            process.kill()
