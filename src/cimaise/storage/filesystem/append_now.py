"""Appending on the event loop, piece by piece, as bytes come."""

from functools import partial
from pathlib import Path
from typing import Final

from cimaise.errors import Unavailable, WrongState
from cimaise.storage.bodies import Piece
from cimaise.storage.checks import no_upload
from cimaise.storage.filesystem.files import write_all
from cimaise.storage.filesystem.held import HeldUpload
from cimaise.storage.filesystem.hops import Pace, translated

_QUICK_BYTES: Final = 128 * 1024
"""Whoever sends so much at once sends more in a moment."""

_MOST_OPEN: Final = 64


class Places:
    """How many uploads may be open while nothing is written to them."""

    def __init__(self, most: int = _MOST_OPEN) -> None:
        self.left = most


class AppendNow:
    """See :class:`cimaise.storage.base.AppendNow`.

    To open an upload takes longer than to write a piece to it, so it stays open, without the lock,
    while much comes at once. Slow uploads, of which there may be thousands, are open for each
    piece only.
    """

    def __init__(self, folder: Path, owner: int, places: Places) -> None:
        self._folder = folder
        self._owner = owner
        self._places = places
        self._pace = Pace()
        self._kept: HeldUpload | None = None

    def __call__(self, piece: Piece, start: int, /) -> bool:
        """Write a piece, unless that takes longer than a moment."""
        if self._pace.is_slow:
            return False
        upload, is_written, is_apart = self._kept, False, False
        try:
            upload = upload or HeldUpload(self._folder)
            upload.lock(is_patient=False)
            upload.require(self._owner)
            if upload.length != start:
                raise WrongState("The upload has another length.")
            is_apart = self._left_to_a_thread(upload, piece, start)
            if not is_apart:
                self._write(upload.data, piece, start)
            is_written = True
        except BlockingIOError:
            return False
        except FileNotFoundError:
            raise no_upload() from None
        except OSError as fault:
            raise Unavailable("The storage cannot be read or written.") from fault
        finally:
            if upload is not None and not is_apart:
                self._put_away(upload, is_quick=is_written and len(piece) >= _QUICK_BYTES)
        return True

    def _left_to_a_thread(self, upload: HeldUpload, piece: Piece, start: int) -> bool:
        """It holds the lock until the piece is there: whoever takes the upload waits for that."""
        if isinstance(piece, bytes | memoryview):
            return False
        is_quick = len(piece) >= _QUICK_BYTES
        return piece.apart(
            partial(translated, piece.move, upload.data, start),
            partial(self._put_away, upload, is_quick=is_quick),
        )

    def _write(self, descriptor: int, piece: Piece, start: int) -> None:
        def write() -> None:
            write_all(descriptor, [piece], start)

        self._pace.timed(write)

    def _put_away(self, upload: HeldUpload, *, is_quick: bool) -> None:
        if is_quick and (self._kept is upload or self._places.left):
            upload.unlock()
            if self._kept is None:
                self._kept = upload
                self._places.left -= 1
            return
        self.rest()
        upload.close()

    def rest(self) -> None:
        """Nothing comes at the moment: close what is open."""
        kept, self._kept = self._kept, None
        if kept is not None:
            self._places.left += 1
            kept.close()
