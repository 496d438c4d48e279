"""Where the bytes of an upload go on their way: one writer at a time, and nothing gets lost.

A sink belongs to one request. It takes the upload over from whoever was at it, in any process,
and is refused (``WrongState``) as soon as another one has taken it from there.
"""

from collections.abc import Callable
from typing import Protocol

from cimaise.storage.bodies import Piece
from cimaise.uploads.stores import Stores
from cimaise.uploads.tus.appended import AppendedSink
from cimaise.uploads.tus.in_parts import PartsSink
from cimaise.uploads.tus.rows import TusUpload

AddNow = Callable[[Piece], bool]
"""Adds bytes on the event loop; ``False``: not at the moment, add them in the ordinary way."""


class Sink(Protocol):
    """See the module."""

    async def start(self) -> int:
        """Take the upload over; gives the bytes that are kept."""
        ...

    async def add(self, pieces: list[bytes]) -> None:
        """The next bytes."""
        ...

    def now(self) -> AddNow | None:
        """What adds a piece without waiting, or ``None`` where there is no such way."""
        ...

    async def head(self, size: int) -> bytes:
        """The first bytes of the upload; fewer than ``size`` where they are not at hand."""
        ...

    async def rest(self) -> None:
        """Nothing comes at the moment: a time to keep what is only in memory."""
        ...

    async def keep(self, *, length: int | None) -> int:
        """Everything that was added is durable and counts; gives the bytes that are kept.

        Args:
            length: Of the whole upload, where it is known by now.
        """
        ...

    async def undo(self) -> None:
        """Back to where :meth:`start` found it."""
        ...


def open_sink(stores: Stores, upload: TusUpload, *, on_trial: bool = False) -> Sink:
    """The sink that fits the storage.

    Args:
        stores: Where things are kept.
        upload: What is written.
        on_trial: Nothing counts before :meth:`Sink.keep`, whatever happens.
    """
    if stores.storage.appends is not None:
        return AppendedSink(stores, upload, stores.storage.appends, on_trial=on_trial)
    return PartsSink(stores, upload, on_trial=on_trial)
