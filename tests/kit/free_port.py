"""Servers as processes of their own: a port for them, and when they listen."""

import socket
import subprocess
import time
from contextlib import closing
from typing import Any

LIMIT_S = 30.0


def free_port() -> int:
    """One that nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_listens(port: int, process: "subprocess.Popen[Any]") -> None:
    """Return as soon as it does; fail where the process ends before that."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        else:
            return
    raise AssertionError("the server does not listen")
