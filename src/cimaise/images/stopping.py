"""Stopping work that runs in another thread."""

import threading

import pyvips

from cimaise.errors import ClientGone


class Stop:
    """Carries the wish to stop from the one who waits to the thread that works.

    libvips looks at the wish between pixels: decoding, resizing and writing WebP, JPEG or PNG end
    within a tenth of a second; an AVIF encoder cannot be stopped and runs to its end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._image: pyvips.Image | None = None
        self.is_asked = False

    def ask(self) -> None:
        """Stop as soon as possible. May be called from any thread and more than once."""
        with self._lock:
            self.is_asked = True
            if self._image is not None:
                self._image.set_kill(True)

    def watch(self, image: pyvips.Image) -> pyvips.Image:
        """Make the next computation of ``image`` stoppable; returns ``image``.

        Raises:
            ClientGone: Stopping was asked for already.
        """
        with self._lock:
            self.require_wanted()
            image.set_progress(True)
            self._image = image
        return image

    def require_wanted(self) -> None:
        """Raise ``ClientGone`` where stopping was asked for."""
        if self.is_asked:
            raise ClientGone("Nobody waits for this picture any more.")
