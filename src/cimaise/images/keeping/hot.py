"""The few bytes that everybody asks for, in memory: pictures, and whole answers made of them."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from cimaise.images.keeping.entry import source_folder

_Value = TypeVar("_Value")

HOT_BYTES: Final = 64 * 1024 * 1024
HOT_ENTRY_BYTES: Final = 256 * 1024
ANSWER_TTL_S: Final = 60.0


class Hot(Generic[_Value]):
    """Keeps what was used last, up to a number of bytes."""

    def __init__(
        self,
        *,
        max_bytes: int = HOT_BYTES,
        max_entry_bytes: int = HOT_ENTRY_BYTES,
        on_drop: Callable[[_Value], None] = lambda _value: None,
    ) -> None:
        """Make an empty one.

        Args:
            max_bytes: Of all entries together.
            max_entry_bytes: Larger entries are not kept.
            on_drop: Told of each entry that goes, for whatever reason.
        """
        self._on_drop = on_drop
        self._entries: OrderedDict[str, tuple[_Value, int]] = OrderedDict()
        self._max_bytes = max_bytes
        self._max_entry_bytes = max_entry_bytes
        self.size = 0

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self._entries)

    def get(self, key: str) -> _Value | None:
        """The entry, which is now the last one used."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: str, value: _Value, size: int) -> None:
        """Keep an entry of ``size`` bytes; older ones go where there is no room."""
        self.drop(key)
        if size > self._max_entry_bytes:
            return
        self._entries[key] = (value, size)
        self.size += size
        while self.size > self._max_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, key: str) -> None:
        """Forget an entry."""
        found = self._entries.pop(key, None)
        if found is not None:
            self.size -= found[1]
            self._on_drop(found[0])

    def drop_all(self, prefix: str) -> None:
        """Forget every entry whose key begins with ``prefix``."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            self.drop(key)


@dataclass(slots=True, eq=False)
class Answer:
    """A finished 200 to a ``GET`` of a public picture, the same for everybody.

    Good for a request of the same target without ``Authorization``, ``Range``, ``If-Match``,
    ``If-Range`` and ``If-Unmodified-Since``. ``Date`` and ``X-Request-Id`` are not in it.

    Attributes:
        etag: Strong, with quotation marks: what ``If-None-Match`` is compared with.
        headers: Lower case, with ``content-type`` and ``content-length``.
        lines: The same as they stand in a head: ``name: value`` and CRLF each.
        body: The picture.
        route: Template of the route that made it.
        folder: Of its source, for the one who forgets.
        until_s: When it is too old.
        clock: By which.
        account_id: Whom it is for; empty for everybody, and for guests.
    """

    etag: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    lines: bytes
    body: bytes
    route: str
    folder: str
    until_s: float
    clock: Callable[[], float] = field(repr=False)
    account_id: str = ""

    def is_good(self) -> bool:
        """It is kept, and not too old."""
        return self.clock() < self.until_s

    def end(self) -> None:
        """It was dropped: nobody who still has it may give it to anybody, or keeps its bytes."""
        self.until_s = -math.inf
        self.body = b""


class Answers:
    """Answers by request target (path and query as the client sent them). Of one event loop.

    Where the format was negotiated, an answer is kept by the very ``Accept`` as well: there are few
    of them, for each browser has one.

    A change of what may be seen reaches it through :meth:`change`. Should the news of one be
    lost, an answer still ends after its time.
    """

    def __init__(
        self,
        *,
        max_bytes: int = HOT_BYTES,
        ttl_s: float = ANSWER_TTL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an empty one; bodies are shared with the cache in front of the disk."""
        self._kept: Hot[Answer] = Hot(max_bytes=max_bytes, on_drop=Answer.end)
        self._by_folder: dict[str, set[str]] = {}
        self._ttl_s = ttl_s
        self._clock = clock
        self.changes = 0
        """Grows with every change: read it before you look who may see a picture."""

    def get(self, target: bytes, accept: bytes | None = None) -> Answer | None:
        """The answer to ``GET target``, or ``None``: then the application knows.

        ``accept`` is the header as it came, empty where there was none; ``None``: only what is the
        same whatever it says.
        """
        found = self._living(_name(target, None))
        if found is None and accept is not None:
            found = self._living(_name(target, accept))
        return found

    def _living(self, name: str) -> Answer | None:
        found = self._kept.get(name)
        if found is None or found.is_good():
            return found
        self._kept.drop(name)
        return None

    def put(
        self,
        target: bytes,
        source: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        route: str,
        changes: int,
        accept: bytes | None = None,
    ) -> None:
        """Keep an answer, unless anything has changed since ``changes`` was read.

        ``accept`` as for :meth:`get`, where the format was negotiated.
        """
        if changes != self.changes:
            return
        fields = dict(headers)
        lines = b"".join(b"%b: %b\r\n" % field for field in headers)
        folder, until_s = source_folder(source), self._clock() + self._ttl_s
        answer = Answer(
            fields[b"etag"], tuple(headers), lines, body, route, folder, until_s, self._clock
        )
        name = _name(target, accept)
        self._kept.put(name, answer, len(body) + len(lines) + len(name))
        self._by_folder.setdefault(folder, set()).add(name)
        if len(self._by_folder) > 2 * self._kept.count + 1000:
            self._sweep()

    def change(self, folder: str) -> None:
        """Forget what was made of a source; all of it where ``folder`` is empty."""
        self.changes += 1
        if not folder:
            self._kept.drop_all("")
            self._by_folder.clear()
        for name in self._by_folder.pop(folder, ()):
            self._kept.drop(name)

    def _sweep(self) -> None:
        """Forget folders of which nothing is kept any more."""
        self._by_folder = {
            folder: names
            for folder, named in self._by_folder.items()
            if (names := {name for name in named if self._kept.get(name) is not None})
        }


def _name(target: bytes, accept: bytes | None) -> str:
    """Neither part has a line break, so no two pairs have one name."""
    return (target if accept is None else b"%b\n%b" % (target, accept)).decode("latin-1")
