"""The server as a process of its own, to be killed and started again on the same data."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
        self.url = self._wait_ready()

    def _wait_ready(self) -> str:
        stream: IO[str] | None = self.process.stderr
        assert stream is not None
        seen = []
        for line in stream:
            seen.append(line)
            event = json.loads(line)
            if event["event"] == "server_ready":
                return str(event["url"])
        raise AssertionError("".join(seen))

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        self.process.communicate(timeout=LIMIT_S)

    def terminate(self) -> None:
        """SIGTERM, and wait for its end."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=LIMIT_S)


@contextmanager
def server_process(data_dir: Path, environment: Mapping[str, str]) -> Iterator[ServerProcess]:
    """Start one on a free port; killed at the end if it still runs."""
    command = [sys.executable, "-m", "cimaise", "serve", "--data-dir", str(data_dir), "--port", "0"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    with process:
        try:
            yield ServerProcess(process)
        finally:
            process.kill()


def prepare_data(data_dir: Path, environment: Mapping[str, str], collection: str) -> str:
    """Make an account and a collection before any server runs; gives the account's key."""
    texts = {"CIMAISE_DATA_DIR": str(data_dir), **environment}

    async def prepare() -> str:
        application = build(load(texts).settings)
        await application.start(with_jobs=False)
        services = application.services
        account, key = await services.accounts.create(None, name="ann", role=Role.MEMBER)
        await services.collections.create(account.principal, collection)
        await application.stop()
        return key

    return asyncio.run(prepare())
