"""One decode for many widths: pictures that were decoded lately, kept for smaller ones.

A page asks for one photograph in several widths. Decoding it costs more than everything else, so
a picture that is asked for again within moments is decoded once, at a size that serves the others,
and what follows is made from that. What is asked for once only is decoded as small as possible, and
not kept where it is small: a gallery of thumbnails takes no memory here. Nor is anything kept for
long: who looks at a picture later, in one more width, is better served by a decode of that width.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyvips

from cimaise.images.codec import Codec
from cimaise.images.decoders.base import Cut, Frames, ImageHeader, Source, translating_faults
from cimaise.images.resizing import in_memory, resized
from cimaise.images.spec import Box
from cimaise.images.stopping import Stop

BASE_PX: Final = 1600
"""Longer side of what is kept of a picture that is asked for again."""
LEAST_KEPT_PX: Final = 1000
_LEAST_REDUCTION: Final = 1.25  # a base serves what is smaller by this, so that it stays sharp
_MOST_SEEN: Final = 1000
_SEEN_S: Final = 10.0  # all widths of a page are asked for within that
_KEPT_S: Final = 60.0


class Bases:
    """A :class:`Codec` in front of another one. Called from any thread."""

    def __init__(
        self, codec: Codec, *, max_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep nothing yet.

        Args:
            codec: Decodes.
            max_bytes: Most pixels kept, in bytes; 0: none.
            clock: Seconds.
        """
        self._codec = codec
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._clock = clock
        self._kept: OrderedDict[str, tuple[pyvips.Image, float]] = OrderedDict()
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._busy: dict[str, threading.Lock] = {}
        self.decoded = 0

    def read_header(self, source: Source) -> ImageHeader:
        """See :class:`Codec`."""
        return self._codec.read_header(source)

    def encode(self, image: pyvips.Image, name: str, quality: int, stop: Stop) -> bytes:
        """See :class:`Codec`."""
        return self._codec.encode(image, name, quality, stop)

    def decode(self, source: Source, header: ImageHeader, cut: Cut, stop: Stop) -> Frames:
        """See :class:`Codec`."""
        if cut.count > 1 or self._max_bytes == 0 or not _can_be_shared(header, cut):
            return self._decoded(source, header, cut, stop)
        name = _identity(source)
        found = self._found(name, header, cut, stop)
        if found is not None:
            return found
        if not self._was_seen(name) or not _would_serve(header, cut):
            if not _is_whole(header, cut.box) or max(cut.size) < LEAST_KEPT_PX:
                return self._decoded(source, header, cut, stop)
            with self._alone(name):  # the next one waits for it: it is a base itself
                frames = self._decoded(source, header, cut, stop)
                self._keep(name, frames.images[0])
            return frames
        with self._alone(name):  # the others wait for the base rather than decode once more
            found = self._found(name, header, cut, stop)
            if found is not None:
                return found
            stop.require_wanted()
            frames = self._decoded(source, header, _base_cut(header), stop)
            self._keep(name, frames.images[0])
        return self._found(name, header, cut, stop) or self._decoded(source, header, cut, stop)

    def _decoded(self, source: Source, header: ImageHeader, cut: Cut, stop: Stop) -> Frames:
        self.decoded += 1
        return self._codec.decode(source, header, cut, stop)

    def _found(self, name: str, header: ImageHeader, cut: Cut, stop: Stop) -> Frames | None:
        base = self._base(name)
        if base is None:
            return None
        box = _in_base(cut.box, header, base)
        is_equal = box[2:] == cut.size and _is_whole(header, cut.box)
        if not is_equal and min(box[2] / cut.size[0], box[3] / cut.size[1]) < _LEAST_REDUCTION:
            return None
        if is_equal:
            return Frames((base,))
        with translating_faults("base"):
            try:
                part = base.extract_area(*box)
                return Frames((in_memory(resized(part, cut.size), stop),))
            except pyvips.Error:
                stop.require_wanted()
                raise

    def _base(self, name: str) -> pyvips.Image | None:
        now_s = self._clock()
        with self._lock:
            while self._kept and now_s - next(iter(self._kept.values()))[1] > _KEPT_S:
                self._kept.popitem(last=False)
            if name not in self._kept:
                return None
            base, _ = self._kept.pop(name)
            self._kept[name] = (base, now_s)
        return base

    def _was_seen(self, name: str) -> bool:
        now_s = self._clock()
        with self._lock:
            seen_at_s = self._seen.pop(name, None)
            self._seen[name] = now_s
            while len(self._seen) > _MOST_SEEN:
                self._seen.popitem(last=False)
        return seen_at_s is not None and now_s - seen_at_s <= _SEEN_S

    def _keep(self, name: str, image: pyvips.Image) -> None:
        with self._lock:
            self._kept.pop(name, None)
            self._kept[name] = (image, self._clock())
            while sum(_size(base) for base, _ in self._kept.values()) > self._max_bytes:
                self._kept.popitem(last=False)

    def _alone(self, name: str) -> threading.Lock:
        with self._lock:
            for other in [other for other, lock in self._busy.items() if not lock.locked()]:
                if other != name:
                    del self._busy[other]
            return self._busy.setdefault(name, threading.Lock())


def _identity(source: Source) -> str:
    """Changes with the bytes: of a file what the system says of it, else a digest."""
    if isinstance(source, Path):
        facts = source.stat()
        return (
            f"{facts.st_dev} {facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
        )
    return hashlib.blake2b(source, digest_size=16).hexdigest()


def _can_be_shared(header: ImageHeader, cut: Cut) -> bool:
    """Not a drawing, which is sharp at any size; not what is nearly as small as what is asked."""
    is_worth_it = header.width * header.height > 2 * cut.size[0] * cut.size[1]
    return header.format != "svg" and header.frames == 1 and is_worth_it


def _would_serve(header: ImageHeader, cut: Cut) -> bool:
    """Whether a base of the usual size has pixels enough for it."""
    scale = min(1.0, BASE_PX / max(header.width, header.height))
    reduction = scale * min(cut.box[2] / cut.size[0], cut.box[3] / cut.size[1])
    return reduction >= _LEAST_REDUCTION or cut == _base_cut(header)


def _is_whole(header: ImageHeader, box: Box) -> bool:
    return box == (0, 0, header.width, header.height)


def _base_cut(header: ImageHeader) -> Cut:
    scale = min(1.0, BASE_PX / max(header.width, header.height))
    size = (max(1, round(header.width * scale)), max(1, round(header.height * scale)))
    return Cut((0, 0, header.width, header.height), size)


def _in_base(box: Box, header: ImageHeader, base: pyvips.Image) -> Box:
    across, down = base.width / header.width, base.height / header.height
    left = min(round(box[0] * across), base.width - 1)
    top = min(round(box[1] * down), base.height - 1)
    width = max(1, min(round(box[2] * across), base.width - left))
    height = max(1, min(round(box[3] * down), base.height - top))
    return left, top, width, height


def _size(image: pyvips.Image) -> int:
    return int(image.width * image.height * image.bands)
