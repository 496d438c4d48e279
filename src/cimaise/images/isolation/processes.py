"""A few decoding processes: started when first needed, replaced when they die."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cimaise.errors import CimaiseError, Invalid, TypeNotAllowed, Unavailable
from cimaise.images.isolation import messages as m
from cimaise.images.isolation.process import Broken, Killed, Process, TooSlow
from cimaise.images.stopping import Stop
from cimaise.telemetry import log

MAX_ANSWERS: Final = 500
"""After so many a process is replaced, so that no leak of a decoder's lasts."""

_TRIES: Final = 2


class Processes:
    """Called from any thread. ``close`` ends them all; who waits then is refused."""

    def __init__(
        self,
        *,
        at_most: int,
        max_bytes: int,
        start: Callable[..., Process] = Process,
    ) -> None:
        """Start none yet.

        Args:
            at_most: How many live at the same time.
            max_bytes: Address space of each, for its work.
            start: Makes one.
        """
        self._at_most = at_most
        self._max_bytes = max_bytes
        self._start = start
        self._free: list[Process] = []
        self._all: set[Process] = set()
        self._starting = 0
        self._changed = threading.Condition()
        self._is_closed = False

    def ask(
        self,
        request: m.Request,
        body: bytes | memoryview | Path,
        *,
        max_s: float,
        stop: Stop | None = None,
    ) -> tuple[m.Answer, bytearray]:
        """Have one of them do it, and another one where the first was killed meanwhile.

        Where memory runs out the kernel ends these processes first, whatever they are at: that is
        no fault of a picture's.

        Args:
            request: What to do.
            body: What follows, or the path of the source.
            max_s: How long it may take; and how long it may wait before.
            stop: Kills the process when stopping is asked for.

        Raises:
            CimaiseError: What the process refused; ``Invalid`` (``too_complex``) where it took
                too long; ``TypeNotAllowed`` (``not_an_image``) where it died of it; what ``stop``
                says where it was asked for; ``Unavailable`` where none became free, or two were
                killed.
            FileNotFoundError: There is no file at ``body``.
        """
        stop = stop or Stop()
        for _ in range(_TRIES):
            with suppress(Killed):
                return self._ask(request, body, max_s, stop)
        raise Unavailable("The server is short of memory for pictures.", code="busy")

    def _ask(
        self, request: m.Request, body: bytes | memoryview | Path, max_s: float, stop: Stop
    ) -> tuple[m.Answer, bytearray]:
        process = self._take(max_s)
        is_good = False
        try:
            with stop.ending_by(process.kill):
                answer, content = process.ask(request, body, max_s=max_s)
            is_good = True
        except (FileNotFoundError, Unavailable):  # of the source, which was not sent
            is_good = True
            raise
        except (Broken, TooSlow) as fault:
            raise _reason(fault, stop, process.pid) from None
        finally:
            self._give_back(process, is_good=is_good and not stop.is_asked)
        if isinstance(answer, m.Refused):
            log("picture_failed", level="info", reason=answer.code, detail=answer.detail[:500])
            raise _refusal(answer)
        return answer, content

    def close(self) -> None:
        """End all, the working ones too."""
        with self._changed:
            self._is_closed = True
            ended, self._free = list(self._all), []
            self._all = set()
            self._changed.notify_all()
        for process in ended:
            process.close()

    def _take(self, max_s: float) -> Process:
        with self._changed:
            is_there = self._changed.wait_for(
                lambda: (
                    self._is_closed or self._free or len(self._all) + self._starting < self._at_most
                ),
                max_s,
            )
            if not is_there or self._is_closed:
                raise Unavailable("All decoders are at work.", code="busy")
            if self._free:
                return self._free.pop()
            self._starting += 1
        return self._started()

    def _started(self) -> Process:
        process = None
        try:
            process = self._start(max_bytes=self._max_bytes)
            process.wait_until_ready()
        except (Broken, OSError) as fault:
            if process is not None:
                process.close()
                process = None
            log("picture_failed", level="error", fault=fault, reason="a decoder did not start")
            raise Unavailable("No decoder could be started.", code="busy") from None
        finally:
            with self._changed:
                self._starting -= 1
                if process is not None:
                    self._all.add(process)
                self._changed.notify()
        return process

    def _give_back(self, process: Process, *, is_good: bool) -> None:
        is_kept = is_good and process.answered < MAX_ANSWERS
        with self._changed:
            if is_kept and not self._is_closed:
                self._free.append(process)
            else:
                self._all.discard(process)
            self._changed.notify()
            is_kept = is_kept and not self._is_closed
        if not is_kept:
            process.close()


def _reason(fault: Exception, stop: Stop, pid: int) -> Exception:
    if stop.is_asked:
        return stop.reason()
    log("picture_failed", level="warning", reason=type(fault).__name__, pid=pid)
    if isinstance(fault, Killed):
        return fault
    if isinstance(fault, TooSlow):
        return Invalid(
            "The picture takes more time to compute than the server gives.", code="too_complex"
        )
    return TypeNotAllowed("The file is no picture that can be read.", code="not_an_image")


def _refusal(answer: m.Refused) -> CimaiseError:
    if answer.code in ("too_complex", "too_many_pixels"):
        return Invalid(answer.message, code=answer.code)
    if answer.code == "not_an_image":
        return TypeNotAllowed(answer.message, code="not_an_image")
    return TypeNotAllowed(answer.message)
