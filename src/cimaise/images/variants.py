"""Variants: kept ones are served, others made once for all who ask, served, and kept."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cimaise.errors import (
    CimaiseError,
    Malformed,
    TooLarge,
    TypeNotAllowed,
    UpstreamFailed,
    UpstreamTimedOut,
)
from cimaise.images.formats import FORMATS
from cimaise.images.keeping.entry import Entry
from cimaise.images.keeping.failures import Failures
from cimaise.images.keeping.kept import Kept
from cimaise.images.lanes import UNKNOWN, Lanes, SourceFacts
from cimaise.images.libvips import library_version
from cimaise.images.limits import RenderLimits
from cimaise.images.making import Making, OpenSource, Render
from cimaise.images.pipeline import PIPELINE_VERSION, render
from cimaise.images.remote.fetching import NOTHING_KNOWN, Remote
from cimaise.images.remote.versions import RemoteVersions, Version
from cimaise.images.spec import ImageSpec, canonical
from cimaise.rfc.negotiation import choose_image_format
from cimaise.telemetry import count, log

Wait = Callable[[Coroutine[Any, Any, Entry]], Awaitable[Entry]]
"""Waits for work, and cancels it where its result is not wanted any more."""


async def directly(work: Coroutine[Any, Any, Entry]) -> Entry:
    """Wait for work, whatever happens to the one who asked."""
    return await work


_AUTO: Final = ("avif", "webp", "jpeg")
_TYPES: Final = {name: known.media_type for name, known in FORMATS.items()}
_WORTH_REMEMBERING: Final = (
    Malformed,
    TooLarge,
    TypeNotAllowed,
    UpstreamFailed,
    UpstreamTimedOut,
)


@dataclass(frozen=True, slots=True)
class Variant:
    """A picture ready to be sent.

    Attributes:
        body: The encoded picture.
        media_type: For ``Content-Type``.
        etag: Strong, without quotation marks.
        width: Pixels of one frame.
        height: Pixels of one frame.
        varies_by_accept: The format was chosen by ``Accept``: send ``Vary: Accept``.
    """

    body: bytes
    media_type: str
    etag: str
    width: int
    height: int
    varies_by_accept: bool = False


class Variants:
    """Pictures of remote and stored sources. Belongs to one event loop; ``close`` it."""

    def __init__(
        self,
        *,
        kept: Kept,
        lanes: Lanes,
        remote: Remote,
        limits: RenderLimits,
        error_ttl_s: float = 60.0,
        remote_ttl_s: float = 7 * 86400.0,
        formats: tuple[str, ...] = _AUTO,
        render: Render = render,
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put the parts together.

        Args:
            kept: Where variants are kept.
            lanes: Where they are made.
            remote: Fetches sources by URL.
            limits: What a source may be.
            error_ttl_s: How long a failure of a remote source is remembered.
            remote_ttl_s: After so long the other server is asked whether a remote source has
                changed; where it does not answer, the old variant is served. 0: never.
            formats: What ``auto`` chooses from, the preferred first; the last one everybody reads.
            render: Makes a picture; runs in a worker's thread.
            now: Seconds since 1970.
            ticks: Seconds that only go up.
        """
        self._kept = kept
        self._making = Making(lanes, limits, render=render, now=now)
        self._remote = remote
        self._failures = Failures(ttl_s=error_ttl_s, clock=ticks)
        self._remote_ttl_s = remote_ttl_s
        self._versions = RemoteVersions(kept)
        self._formats = formats
        self._now = now
        self._version = f"{PIPELINE_VERSION}/{library_version()}"

    async def of_remote(
        self, url: str, spec: ImageSpec, accept: str | None = None, *, wait: Wait = directly
    ) -> Variant:
        """A variant of a remote picture.

        Args:
            url: As the client sent it, percent-decoded once.
            spec: What is wanted.
            accept: The request's ``Accept``, for ``format=auto``.
            wait: Waits for what has to be made; see :data:`Wait`.

        Raises:
            Malformed: ``url_not_allowed``.
            CimaiseError: What :meth:`Remote.fetch` and the pipeline raise; remembered for a while.
            Unavailable: ``busy``.
        """
        source = self.remote_name(url)
        resolved = self._resolved(spec, accept)
        key = f"{self._version} {canonical(resolved)}"
        kept = await self._kept.get(source, key)
        if kept is not None and self._is_fresh(source, kept):
            count("variants_total", outcome="kept")
            return _variant(kept, spec)
        try:
            self._failures.raise_known(source)
            made = await wait(
                self._kept.once(
                    source,
                    key,
                    lambda: self._make_remote(url, source, resolved, kept),
                    is_fresh=lambda entry: self._is_fresh(source, entry),
                )
            )
        except CimaiseError:
            if kept is None:
                raise
            made = kept
        return _variant(made, spec)

    async def of_stored(
        self,
        source_id: str,
        open_source: OpenSource,
        spec: ImageSpec,
        accept: str | None = None,
        *,
        facts: SourceFacts = UNKNOWN,
        wait: Wait = directly,
    ) -> Variant:
        """A variant of a stored picture.

        Args:
            source_id: Identity of these very bytes: a key that is never used again, or a path
                with date and size.
            open_source: Called only where the variant is not kept.
            spec: What is wanted.
            accept: The request's ``Accept``, for ``format=auto``.
            facts: What is known of the source: it decides about the lane.
            wait: Waits for what has to be made; see :data:`Wait`.

        Raises:
            CimaiseError: What the pipeline and ``open_source`` raise.
            Unavailable: ``busy``.
        """
        source = stored_name(source_id)
        resolved = self._resolved(spec, accept)
        key = f"{self._version} {canonical(resolved)}"
        kept = await self._kept.get(source, key)
        if kept is not None:
            count("variants_total", outcome="kept")
            return _variant(kept, spec)
        made = await wait(
            self._kept.once(
                source, key, lambda: self._making.of_stored(open_source, resolved, facts)
            )
        )
        return _variant(made, spec)

    async def purge_stored(self, source_id: str) -> None:
        """Remove every kept variant of a stored picture, in all processes, shared ones too."""
        await self._kept.purge(stored_name(source_id))

    async def doubt(self) -> None:
        """Who may see what has changed for many pictures: forget answers that were prepared."""
        await self._kept.doubt()

    def remote_name(self, url: str) -> str:
        """Identity of a remote source; ``Malformed`` (``url_not_allowed``)."""
        return f"remote {self._remote.parse(url)}"

    def start(self) -> None:
        """Listen to what other processes purge."""
        self._kept.start()

    async def stop(self) -> None:
        """Listen no more."""
        await self._kept.stop()

    @property
    def waiting(self) -> int:
        """Pictures that wait for a thread."""
        return self._making.waiting

    @property
    def cache_bytes(self) -> int:
        """What is kept on this machine's disk."""
        return self._kept.size

    async def settled(self) -> None:
        """Wait until everything that was made has been kept."""
        await self._kept.settled()

    async def close(self) -> None:
        """Let what is under way end, then close workers, remote and what is kept."""
        await self.settled()
        await self._making.close()
        await self._remote.close()
        await self._kept.close()

    def _is_fresh(self, source: str, entry: Entry) -> bool:
        if self._versions.changed_after(source, entry.made_at_s):
            return False
        return not self._remote_ttl_s or self._now() - entry.made_at_s < self._remote_ttl_s

    def _resolved(self, spec: ImageSpec, accept: str | None) -> ImageSpec:
        if spec.format != "auto":
            return spec
        name = _choose(accept, self._formats)
        alternatives = []
        if name != "webp" and _choose(accept, ("webp", "jpeg")) == "webp":
            alternatives.append("webp")  # for what moves
        if name == "jpeg":
            alternatives.append("png")  # for what is transparent
        return replace(spec, format=name, alternatives=tuple(alternatives))

    async def _make_remote(
        self, url: str, source: str, spec: ImageSpec, kept: Entry | None
    ) -> Entry:
        """A variant; ``kept``, confirmed, where it was made from what the other server still has."""
        version = await self._versions.get(source)
        if kept is not None and (version is None or kept.made_at_s < version.changed_at_s):
            kept = None  # made from an older picture, or nobody knows from which
        known = version.validators if version and kept else NOTHING_KNOWN
        now_s = int(self._now())
        try:
            async with self._remote.fetch(url, known) as fetched:
                if fetched is None and kept is not None:
                    return replace(kept, made_at_s=now_s)
                if fetched is None:
                    raise UpstreamFailed("The other server said 304 and was not asked for it.")
                is_same = version is not None and fetched.digest == version.digest
                changed_at_s = version.changed_at_s if version and is_same else now_s
                found = Version(fetched.validators, fetched.digest, changed_at_s)
                await self._versions.put(source, found, now_s=now_s)
                if kept is not None and is_same:
                    return replace(kept, made_at_s=now_s)
                return await self._making.of_bytes(fetched.source, fetched.size, spec)
        except CimaiseError as failure:
            if isinstance(failure, _WORTH_REMEMBERING) or failure.code == "too_many_pixels":
                self._failures.remember(source, failure)
                log("picture_refused", level="info", code=failure.code, url=url[:200])
            raise


def stored_name(source_id: str) -> str:
    """Identity of a stored source among all sources."""
    return f"stored {source_id}"


def _choose(accept: str | None, names: Sequence[str]) -> str:
    media_type = choose_image_format(accept, [_TYPES[name] for name in names])
    return next(name for name in names if _TYPES[name] == media_type)


def _variant(entry: Entry, spec: ImageSpec) -> Variant:
    return Variant(
        entry.body,
        entry.media_type,
        entry.etag,
        entry.width,
        entry.height,
        varies_by_accept=spec.format == "auto",
    )
