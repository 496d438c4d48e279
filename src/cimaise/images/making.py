"""From a source and a spec to an entry, in the lane that it belongs to."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from cimaise.errors import CimaiseError
from cimaise.images.formats import HEAD_BYTES, sniff
from cimaise.images.keeping.entry import Entry, make_etag
from cimaise.images.lanes import Lane, Lanes, SourceFacts
from cimaise.images.limits import RenderLimits
from cimaise.images.pipeline import Rendered
from cimaise.images.spec import ImageSpec
from cimaise.images.stopping import Stop
from cimaise.telemetry import count, observe

Render = Callable[[bytes | Path, ImageSpec, RenderLimits, Stop], Rendered]
OpenSource = Callable[[], AbstractAsyncContextManager[bytes | Path]]
"""Opens a source: its bytes, or the path of a local file that stays as it is meanwhile."""


class Making:
    """Makes pictures. Belongs to one event loop; ``close`` it."""

    def __init__(
        self,
        lanes: Lanes,
        limits: RenderLimits,
        *,
        render: Render,
        now: Callable[[], float],
    ) -> None:
        """Put the parts together.

        Args:
            lanes: Threads and queues.
            limits: What a source may be.
            render: Makes a picture; runs in a worker's thread.
            now: Seconds since 1970.
        """
        self._lanes = lanes
        self._limits = limits
        self._render = render
        self._now = now

    async def of_bytes(self, source: bytes | Path, size: int, spec: ImageSpec) -> Entry:
        """Of a source of ``size`` bytes that lies ready."""
        lane = self._lanes.of(spec, SourceFacts(_sniffed_type(source), size))
        return await self._make(source, spec, lane)

    async def of_stored(
        self, open_source: OpenSource, spec: ImageSpec, facts: SourceFacts
    ) -> Entry:
        """Of a source that has to be opened."""
        lane = self._lanes.of(spec, facts)
        async with lane.sources.held(), open_source() as opened:
            return await self._make(opened, spec, lane)

    @property
    def waiting(self) -> int:
        """Pictures that wait for a thread, of both lanes."""
        return self._lanes.cheap.workers.waiting + self._lanes.costly.workers.waiting

    async def close(self) -> None:
        """Wait until the running work has ended."""
        await self._lanes.close()

    async def _make(self, source: bytes | Path, spec: ImageSpec, lane: Lane) -> Entry:
        started = time.monotonic()
        try:
            made = await lane.workers.run(
                lambda stop: self._entry(self._render(source, spec, self._limits, stop))
            )
        except CimaiseError:
            count("variants_total", outcome="failed")
            raise
        count("variants_total", outcome="made")
        observe("variant_seconds", time.monotonic() - started)
        return made

    def _entry(self, made: Rendered) -> Entry:
        etag, made_at_s = make_etag(made.body), int(self._now())
        return Entry(made.body, made.media_type, etag, made.width, made.height, made_at_s)


def _sniffed_type(source: bytes | Path) -> str | None:
    """The media type that the first bytes speak of."""
    if isinstance(source, bytes):
        known = sniff(source[:HEAD_BYTES])
    else:
        with source.open("rb") as file:
            known = sniff(file.read(HEAD_BYTES))
    return known.media_type if known else None
