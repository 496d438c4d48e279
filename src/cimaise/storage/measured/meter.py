"""How a call of a storage is measured: seconds, bytes, and how it ended."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cimaise.errors import CimaiseError
from cimaise.storage.bodies import Looked, Piece
from cimaise.telemetry import span


@dataclass(frozen=True, slots=True)
class Measurement:
    """One call.

    Attributes:
        verb: ``stat``, ``open``, ``write``, ``move``, ``delete``, ``list``, ``check``,
            ``multipart_…``, ``append``, ``append_…``, ``presign_put``, ``presign_part``, ``presign_get``, ``open_grant``
            or ``sweep``.
        times: How often: the parts that were signed in one go.
        seconds: From the call to its end; for ``open`` and ``list`` to the end of reading.
        bytes: That went through this process. What is sent by a descriptor does not.
        outcome: ``ok``, the code of our error, ``cancelled`` or ``internal``.
    """

    verb: str
    seconds: float
    bytes: int
    outcome: str
    times: int = 1


@dataclass(slots=True)
class Count:
    """Bytes of one call."""

    total: int = 0

    def through(self, chunks: AsyncIterable[bytes]) -> Looked:
        """The same chunks, counted as they go by."""
        return Looked(chunks, self._add)

    def _add(self, piece: Piece) -> None:
        self.total += len(piece)


class Meter:
    """Measures what runs inside of it, and reports it at its end."""

    def __init__(self, report: Callable[[Measurement], None], clock: Callable[[], float]) -> None:
        self._report = report
        self._clock = clock

    @contextmanager
    def __call__(self, verb: str, times: int = 1) -> Iterator[Count]:
        """One call, or ``times`` in one go."""
        count = Count()
        started = self._clock()
        outcome = "internal"
        try:
            with span(f"storage {verb}"):
                yield count
            outcome = "ok"
        except CimaiseError as fault:
            outcome = fault.code
            raise
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "cancelled"
            raise
        finally:
            seconds = self._clock() - started
            self._report(Measurement(verb, seconds, count.total, outcome, times))
