"""Public files that somebody looked for a moment ago.

A player or a download manager asks for one file again and again, a range at a time, and each
request would cost a look into the database. What is kept here is good until anything changes that
decides who may see what, and for two seconds at most.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from cimaise.library.model import File

TTL_S: Final = 2.0
MOST: Final = 1_000


class RecentFiles:
    """Records of files that everybody may see. Of one event loop."""

    def __init__(
        self,
        changes: Callable[[], int] = lambda: 0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an empty one.

        Args:
            changes: A number that grows with every change of what may be seen.
            clock: Seconds that only go up.
        """
        self._kept: OrderedDict[str, tuple[File, int, float]] = OrderedDict()
        self._clock = clock
        self.changes = changes

    def get(self, file_id: str) -> File | None:
        """The record, if nothing has changed since it was put here."""
        found = self._kept.get(file_id)
        if found is None:
            return None
        file, changes, until_s = found
        if changes == self.changes() and self._clock() < until_s:
            return file
        del self._kept[file_id]
        return None

    def put(self, file: File, *, changes: int) -> None:
        """Keep a record; ``changes`` is what was read before the database was."""
        self._kept[file.id] = (file, changes, self._clock() + TTL_S)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
