"""Files that were sent a moment ago, still open, with all that the next answer needs.

A player or a download manager asks for one file again and again, a stretch at a time. What is kept
here says who may have what, so it ends as soon as anything changes that could decide about that,
and after a short time in any case: two seconds for what everybody may see, half a second for what
somebody was allowed. A file that is being sent stays open until it has been sent.
"""

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

TTL_S: Final = 2.0
OWN_TTL_S: Final = 0.5
MOST: Final = 128


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What an answer says of a file, ready to be sent.

    Attributes:
        size: Bytes, 1 or more.
        etag: Strong, with quotation marks.
        lines: Of every answer with bytes, as they stand in a head: ``name: value`` and CRLF each;
            all but those about its length and its place.
        known_lines: Of a 304.
        route: Template of the route that made it.
        file_id: For whoever counts.
        owner_id: The same.
        account_id: Whom it is for; empty for everybody, and for guests.
    """

    size: int
    etag: bytes
    lines: bytes
    known_lines: bytes
    route: str
    file_id: str
    owner_id: str
    account_id: str = ""


@dataclass(slots=True, eq=False)
class OpenFile:
    """A file that is open.

    Attributes:
        facts: What is known of it.
        descriptor: For reading at a place (pread(2), sendfile(2)).
    """

    facts: FileFacts
    descriptor: int
    _changes: object
    _until_s: float
    _users: int = field(default=1)  # whoever keeps it is one

    def is_good(self, changes: object, now_s: float) -> bool:
        """Nothing has changed, and it is not too old."""
        return changes == self._changes and now_s < self._until_s

    def take(self) -> None:
        """Keep it open until :meth:`give_back`."""
        self._users += 1

    def give_back(self) -> None:
        """One less needs it; the last one closes it."""
        self._users -= 1
        if not self._users:
            os.close(self.descriptor)
            self.descriptor = -1


class OpenFiles:
    """Open files by what they were asked for with. Of one event loop."""

    def __init__(
        self,
        changes: Callable[[], object],
        *,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is open yet.

        Args:
            changes: Something that is another with every change of what may be seen, by whom.
            most: So many are kept open.
            clock: Seconds that only go up.
        """
        self.changes = changes
        self._kept: OrderedDict[str, OpenFile] = OrderedDict()
        self._most = most
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """So many are kept open."""
        return len(self._kept)

    def get(self, key: str) -> OpenFile | None:
        """The file, if nothing has changed since it was put here."""
        found = self._kept.get(key)
        if found is None or found.is_good(self.changes(), self._clock()):
            return found
        self._drop(key)
        return None

    def put(
        self, key: str, descriptor: int, facts: FileFacts, *, lasts_s: float, changes: object
    ) -> None:
        """Keep a file open, unless anything has changed since ``changes`` was read.

        Args:
            key: What it is asked for with.
            descriptor: Stays the caller's: a second one is kept.
            facts: What is known of it.
            lasts_s: Seconds until it is too old.
            changes: What :attr:`changes` gave before anybody looked who may see the file.
        """
        if changes != self.changes() or lasts_s <= 0:
            return
        self._drop(key)
        if len(self._kept) >= self._most:
            self._drop(next(iter(self._kept)))
        until_s = self._clock() + lasts_s
        self._kept[key] = OpenFile(facts, os.dup(descriptor), changes, until_s)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TTL_S, self._sweep)

    def close(self) -> None:
        """Keep nothing open any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for key in list(self._kept):
            self._drop(key)

    def _drop(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            found.give_back()

    def _sweep(self) -> None:
        """Close what nobody may have any more: the bytes of a deleted file are freed by that."""
        self._timer = None
        changes, now_s = self.changes(), self._clock()
        for key in [key for key, kept in self._kept.items() if not kept.is_good(changes, now_s)]:
            self._drop(key)
        if self._kept:
            self._timer = asyncio.get_running_loop().call_later(TTL_S, self._sweep)


def asked_by_all(target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """What a file for everybody is kept by: the target and the host, for another may differ there.

    ``None`` where the request does not name one host.
    """
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1:
        return None
    return (target + b"\n" + hosts[0]).decode("latin-1")  # neither has a line break
