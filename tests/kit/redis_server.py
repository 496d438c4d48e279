"""A real Redis server for a test run: Unix socket only, nothing on disk, can be stopped and hung."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ABSENT = "Redis is not installed (redis-server is not on PATH): install the package redis-server"
LIMIT_S = 20


class RedisServer:
    """Running after ``start``; what it knew is lost by ``stop``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What the application is told."""
        return f"unix://{self._folder}/s"

    def start(self) -> None:
        """Returns when it accepts connections."""
        binary = shutil.which("redis-server")
        assert binary is not None, ABSENT
        self._process = subprocess.Popen(
            [binary, "--port", "0", "--unixsocket", f"{self._folder}/s", "--save", "",
             "--appendonly", "no", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        started = time.monotonic()
        while not self._answers():
            assert time.monotonic() - started < LIMIT_S, "redis-server did not start"
            assert self._process.poll() is None, "redis-server ended"

    def _answers(self) -> bool:
        from redis import Redis  # noqa: PLC0415
        from redis.exceptions import RedisError  # noqa: PLC0415

        client = Redis.from_url(self.url)
        try:
            return bool(client.ping())
        except RedisError:
            return False
        finally:
            client.close()

    def stop(self) -> None:
        """``kill -9``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(LIMIT_S)
            self._process = None

    def hang(self) -> None:
        """It keeps its connections and answers nothing, until ``go_on``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After ``hang``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Forget everything."""
        from redis import Redis  # noqa: PLC0415

        with Redis.from_url(self.url) as client:
            client.flushall()


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Start, give, stop and remove a server. Takes 20 ms."""
    folder = Path(tempfile.mkdtemp(prefix="cimaise-redis-", dir="/tmp"))  # a short path: sockets
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
