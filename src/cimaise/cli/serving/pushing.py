"""Metrics for a collector that waits for them, where the settings ask for that."""

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from cimaise.cli.refusal import Refused
from cimaise.settings import Settings
from cimaise.tasks import Forever


class Export(Protocol):
    """See :class:`cimaise.telemetry.otel_metrics.MetricsExport`, whose module needs the extra."""

    def send(self, text: bytes) -> bool:
        """Send what ``/metrics`` tells; it blocks."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


@asynccontextmanager
async def pushed(settings: Settings, text: Callable[[], Awaitable[bytes]]) -> AsyncIterator[None]:
    """Send metrics again and again while the context lasts, and once more at its end.

    Of several processes on one data folder one sends for all; another one, when that has ended.

    Args:
        settings: Where to, how often.
        text: What ``/metrics`` answers.

    Raises:
        Refused: The extra is not installed.
    """
    if not settings.metrics.endpoint:
        yield
        return
    push = _Push(_open(settings.metrics.endpoint), text, settings.data.dir / "metrics.lock")
    pause_s = settings.metrics.interval

    async def turn() -> None:
        await asyncio.sleep(pause_s)
        await push.send()

    loop = Forever("metrics", turn)
    loop.start()
    try:
        yield
    finally:
        await loop.stop()
        await push.send()
        push.close()


def _open(endpoint: str) -> Export:
    try:
        from cimaise.telemetry.otel_metrics import open_export
    except ImportError as fault:
        raise Refused("CIMAISE_METRICS_ENDPOINT needs the extra: install cimaise[otel]") from fault
    return open_export(endpoint)


class _Push:
    def __init__(self, export: Export, text: Callable[[], Awaitable[bytes]], lock: Path) -> None:
        self._export = export
        self._text = text
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    async def send(self) -> None:
        if self._is_ours():
            await asyncio.to_thread(self._export.send, await self._text())

    def _is_ours(self) -> bool:
        """The kernel gives it to one process, until that ends."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            return fault.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        return True

    def close(self) -> None:
        self._export.close()
        os.close(self._lock)
