"""Stopping work that runs in another thread or process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyvips

from cimaise.errors import CimaiseError, ClientGone, Invalid


class Stop:
    """Carries the wish to stop from the one who waits to the thread that works.

    libvips looks at the wish between pixels: decoding, resizing and writing WebP, JPEG or PNG end
    within a tenth of a second. What cannot be stopped so runs in a process, which is killed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self.is_asked = False
        self.is_late = False

    def ask(self, *, is_late: bool = False) -> None:
        """Stop as soon as possible. May be called from any thread and more than once.

        Args:
            is_late: The work took longer than it may; else nobody waits for it any more.
        """
        with self._lock:
            self.is_late = (is_late and not self.is_asked) or self.is_late
            self.is_asked = True
            if self._end is not None:
                self._end()

    def watch(self, image: pyvips.Image) -> pyvips.Image:
        """Make the next computation of ``image`` stoppable; returns ``image``.

        Raises:
            CimaiseError: Stopping was asked for already.
        """
        with self._lock:
            self.require_wanted()
            image.set_progress(True)
            self._end = lambda: image.set_kill(True)
        return image

    @contextmanager
    def ending_by(self, end: Callable[[], None]) -> Iterator[None]:
        """While in the context, stopping calls ``end``, from any thread.

        Raises:
            CimaiseError: Stopping was asked for already.
        """
        with self._lock:
            self.require_wanted()
            self._end = end
        try:
            yield
        finally:
            with self._lock:
                self._end = None

    def require_wanted(self) -> None:
        """Raise where stopping was asked for: ``ClientGone``, or ``Invalid`` where it is late."""
        if self.is_asked:
            raise self.reason()

    def reason(self) -> CimaiseError:
        """Why the work was stopped."""
        if self.is_late:
            return Invalid(
                "The picture takes more time to compute than the server gives.", code="too_complex"
            )
        return ClientGone("Nobody waits for this picture any more.")
