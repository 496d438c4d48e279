"""The example of the manual runs as it is printed."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.kit.free_port import free_port, wait_until_it_listens

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/use-safesend-in-your-own-application.md"
LIMIT_S = 30.0


def example() -> str:
    found = re.search(r"```python\n(import asyncio\n.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "server", [["uvicorn", "example:app"], ["granian", "--interface", "asgi", "example:app"]]
)
def test_the_example_answers_times_out_and_reports(tmp_path: Path, server: list[str]):
    (tmp_path / "example.py").write_text(example())
    port = free_port()
    command = [sys.executable, "-u", "-m", *server, "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    try:
        wait_until_it_listens(port, process)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)) as client:
            client.request("GET", "/?0")
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"hello":"world"}')
            client.request("GET", "/?1.5")
            late = client.getresponse()
            assert (late.status, b'"code":"deadline"' in late.read()) == (503, True)
        assert process.stdout is not None
        deadline = time.monotonic() + LIMIT_S
        for line in process.stdout:
            if line.startswith("deadline: GET / after"):
                break
            assert time.monotonic() < deadline
        else:
            raise AssertionError("nothing was reported")
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # Granian's workers as well
        process.communicate(timeout=LIMIT_S)
