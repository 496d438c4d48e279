"""Cheap work and costly work, admitted apart: a pile of the one never holds up the other.

Most pictures are thumbnails of photographs, some ten milliseconds each. An AVIF file, a HEIC
photograph or a poster of a hundred megapixels takes a hundred times as long. Each kind has its
own threads, its own queue and its own places for opened sources. The costly lane's threads are
nicer still, so that where both have work the cheap one gets most of the processor. What nobody
waits for has one thread, and is done when neither lane has anything to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from cimaise.errors import Unavailable
from cimaise.images.formats import FORMATS
from cimaise.images.places import Places
from cimaise.images.spec import ImageSpec
from cimaise.images.stopping import Stop
from cimaise.images.workers import NICENESS, Workers

_Result = TypeVar("_Result")

_COSTLY_OUTPUTS: Final = frozenset({"avif", "jxl"})
_COSTLY_PIXELS: Final = 40_000_000
_COSTLY_OUTPUT_PIXELS: Final = 8_000_000
_COSTLY_BYTES: Final = 25 * 1024 * 1024
_COSTLY_TYPES: Final = frozenset(
    known.media_type for known in FORMATS.values() if known.is_isolated or known.name == "gif"
)
_NICER: Final = NICENESS + 5


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of a source before it is opened; ``None`` where it is not.

    Attributes:
        media_type: Found in its bytes.
        size: Bytes.
        pixels: Of all frames together.
    """

    media_type: str | None = None
    size: int | None = None
    pixels: int | None = None


UNKNOWN: Final = SourceFacts()


def is_costly(spec: ImageSpec, facts: SourceFacts) -> bool:
    """Will it take much longer than most pictures do?"""
    return (
        spec.format in _COSTLY_OUTPUTS
        or (spec.width or 0) * (spec.height or 0) > _COSTLY_OUTPUT_PIXELS
        or facts.media_type in _COSTLY_TYPES
        or (facts.pixels or 0) > _COSTLY_PIXELS
        or (facts.size or 0) > _COSTLY_BYTES
    )


@dataclass(frozen=True, slots=True)
class Lane:
    """Where work of one kind is done.

    Attributes:
        workers: Threads, and the queue in front of them.
        sources: Places for stored sources that are open, or wait to be.
    """

    workers: Workers
    sources: Places


class Lanes:
    """The two lanes, and a thread for what nobody waits for. Belongs to one event loop; ``close`` it.

    Attributes:
        cheap: Most pictures.
        costly: Those that :func:`is_costly`.
    """

    def __init__(
        self, *, threads: int = 0, queue: int = 200, costly_queue: int = 50, max_s: float = 30.0
    ) -> None:
        """Start nothing yet.

        Args:
            threads: Pictures made at the same time in each lane; 0: one more than there are cores.
            queue: Cheap ones that may wait.
            costly_queue: Costly ones that may wait.
            max_s: Longest work on one picture.
        """
        self.cheap: Final = _open_lane(threads, queue, max_s, NICENESS)
        self.costly: Final = _open_lane(threads, costly_queue, max_s, _NICER)
        # No nicer: a thread that holds Python's lock must get on, or the server waits for it.
        self._background: Final = Workers(threads=1, queue=1, max_s=max_s, niceness=_NICER)

    def of(self, spec: ImageSpec, facts: SourceFacts) -> Lane:
        """Where a picture is made."""
        return self.costly if is_costly(spec, facts) else self.cheap

    async def in_background(self, work: Callable[[Stop], _Result]) -> _Result:
        """Do what nobody waits for, if there is nothing else to do.

        Raises:
            Unavailable: ``busy``; pictures that somebody waits for come first.
            Invalid: ``too_complex``; the work took too long, and looked at ``stop``.
        """
        if self.cheap.workers.taken or self.costly.workers.taken:
            raise Unavailable("Pictures that somebody waits for come first.", code="busy")
        return await self._background.run(work)

    async def close(self) -> None:
        """Wait until the running work has ended, and end the threads."""
        await self.cheap.workers.close()
        await self.costly.workers.close()
        await self._background.close()


def _open_lane(threads: int, queue: int, max_s: float, niceness: int) -> Lane:
    workers = Workers(threads=threads, queue=queue, max_s=max_s, niceness=niceness)
    return Lane(workers, Places(at_once=2 * workers.threads, queue=queue))
