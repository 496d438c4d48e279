"""The server as a process of its own, to be killed and started again on the same data."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cimaise.access.policy import Role
from cimaise.app import build
from cimaise.settings import load

LIMIT_S = 60


class ServerProcess:
    """A running one; ``url`` is where it listens."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._reader: threading.Thread | None = None
        self.url = self._wait_ready()

    def _wait_ready(self) -> str:
        stream: IO[str] | None = self.process.stderr
        assert stream is not None
        seen = []
        for line in stream:
            seen.append(line)
            event = json.loads(line)
            if event["event"] == "server_ready":
                self._read_on(stream)
                return str(event["url"])
        raise AssertionError("".join(seen))

    def _read_on(self, stream: IO[str]) -> None:
        """Take the log away: a full pipe would stop the server."""
        self._reader = threading.Thread(target=lambda: deque(stream, maxlen=0), daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """``kill -9``; nothing reads its log any more once this returns."""
        self.process.kill()
        self.process.wait(timeout=LIMIT_S)
        if self._reader is not None:
            self._reader.join(LIMIT_S)

    def terminate(self) -> None:
        """SIGTERM, and wait for its end."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=LIMIT_S)


@contextmanager
def server_process(
    data_dir: Path, environment: Mapping[str, str], port: int = 0, before: Sequence[str] = ()
) -> Iterator[ServerProcess]:
    """Start one, on a free port where none is given; killed at the end if it still runs.

    ``before`` stands before the command, and has to become it.
    """
    where = ["--data-dir", str(data_dir), "--port", str(port)]
    command = [*before, sys.executable, "-m", "cimaise", "serve", *where]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    with process:
        server = None
        try:
            server = ServerProcess(process)
            yield server
        finally:
            (server or process).kill()


def free_port() -> int:
    """A port that nobody listens on now, and that may be listened on again and again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def prepare_data(data_dir: Path, environment: Mapping[str, str], collection: str) -> str:
    """Make an account and a collection before any server runs; gives the account's key."""
    texts = {"CIMAISE_DATA_DIR": str(data_dir), **environment}

    async def prepare() -> str:
        application = build(load(texts).settings)
        await application.start(with_jobs=False)
        services = application.services
        account, key = await services.access.accounts.create(None, name="ann", role=Role.MEMBER)
        await services.library.collections.create(account.principal, collection)
        await application.stop()
        return key

    with ThreadPoolExecutor(1) as elsewhere:  # a loop may be running here
        return elsewhere.submit(lambda: asyncio.run(prepare())).result()
