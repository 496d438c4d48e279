"""Several server processes on the same sockets, watched by one that serves nothing.

Each is spawned, not forked: the libraries that decode pictures have threads, which no fork
survives. A worker holds one end of a socket pair; when the watcher dies, its end closes and the
worker stops.
"""

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Final

from cimaise import telemetry
from cimaise.cli.refusal import Refused, refusals
from cimaise.settings import Settings
from cimaise.telemetry.metrics import forget_process

_READY: Final = b"r"
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Worker:
    """A spawned server process and the line to it."""

    def __init__(self, settings: Settings, sockets: Sequence[socket.socket]) -> None:
        self.line, theirs = socket.socketpair()
        self.is_ready = False
        self._has_to_renew = False
        self.process: SpawnProcess = multiprocessing.get_context("spawn").Process(
            target=_run_worker, args=(settings, list(sockets), theirs), name="cimaise-worker"
        )
        with theirs:
            self.process.start()

    def note_line(self) -> None:
        """Read what it says: that it is ready, or nothing any more."""
        self.is_ready = self.is_ready or self.line.recv(1) == _READY
        if self.is_ready and self._has_to_renew:
            self.renew()

    def renew(self) -> None:
        """Let it read its certificate again, as soon as it listens to that."""
        self._has_to_renew = not self.is_ready
        if self.is_ready:
            self.tell(signal.SIGHUP)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.process.pid is not None and self.process.exitcode is None:
            os.kill(self.process.pid, number)


class Watch:
    """Starts workers, starts one again that dies, and passes on what it is told."""

    def __init__(
        self,
        start: Callable[[], Worker],
        *,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
        renews: bool = False,
    ) -> None:
        """Nothing is started yet.

        Args:
            start: Spawns one.
            on_ready: Called once, when all accept requests.
            on_stop: Called again and again while they stop: closes the sockets of this process,
                without which the kernel would go on to take connections.
            renews: The workers have a certificate, which SIGHUP has them read again.
        """
        self._start = start
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._renews = renews
        self._told = 0
        self._workers: list[Worker] = []

    def run(self, count: int) -> None:
        """Keep ``count`` workers running until told to stop; returns when all have ended.

        Raises:
            Refused: A worker ended before it was ready: another one would too.
        """
        with self._listening():
            for _ in range(count):
                self._add()
            announced = False
            while self._workers:
                if self._is_told():
                    self._on_stop()
                self._look()
                if (
                    not announced
                    and not self._is_told()
                    and all(one.is_ready for one in self._workers)
                ):
                    announced = True
                    self._on_ready()

    def _is_told(self) -> bool:
        return self._told > 0

    def _add(self) -> None:
        if self._is_told():
            return
        worker = self._start()
        self._workers.append(worker)
        if self._is_told():  # while it was being started, when nobody could pass it on
            worker.tell(signal.SIGTERM)

    def _look(self) -> None:
        """Wait until a worker says something or ends, or a moment has passed."""
        lines = [worker.line for worker in self._workers if not worker.is_ready]
        ends = [worker.process.sentinel for worker in self._workers]
        happened = wait([*lines, *ends], timeout=1.0)
        for worker in self._workers[:]:
            if worker.line in happened:
                worker.note_line()
            if worker.process.sentinel in happened:
                self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        worker.process.join()
        worker.line.close()
        self._workers.remove(worker)
        if self._is_told():
            return
        if not worker.is_ready:
            self.stop_all()
            raise Refused("A server process ended before it was ready.")
        forget_process(worker.process.pid or 0)
        telemetry.log("worker_ended", level="error", exit_code=worker.process.exitcode)
        self._add()

    def stop_all(self) -> None:
        """End every worker and wait for it."""
        for worker in self._workers:
            worker.tell(signal.SIGTERM)
        for worker in self._workers:
            worker.process.join()

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        """Pass it on: the first as SIGTERM, a second SIGINT as it is, which hurries them."""
        self._told += 1
        hurried = self._told > 1 and number == signal.SIGINT
        for worker in self._workers:
            worker.tell(signal.SIGINT if hurried else signal.SIGTERM)

    def _renew(self, _number: int, _frame: FrameType | None) -> None:
        for worker in self._workers:
            worker.renew()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        if self._renews:
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._renew)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _run_worker(settings: Settings, sockets: list[socket.socket], line: socket.socket) -> None:
    """What a spawned process does."""
    from cimaise.cli.serving.process import run

    telemetry.configure_logging(level=settings.log.level, form=settings.log.format)
    try:
        with refusals():
            run(
                settings,
                sockets,
                on_first=lambda _first: None,
                on_ready=lambda: line.sendall(_READY),
                stop_at_end_of=line,
            )
    except Refused as refused:
        refused.show()
        sys.exit(refused.exit_code)
