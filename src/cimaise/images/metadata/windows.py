"""Bytes of a file that is looked at here and there: what is near is read once."""

import os
from dataclasses import dataclass, field
from typing import Final

_FIRST_BYTES: Final = 4096


class CutShort(ValueError):
    """The file ends before what it promised."""


@dataclass(slots=True)
class Window:
    """An open file of ``size`` bytes; :meth:`get` reads only where the last look does not cover."""

    descriptor: int
    size: int
    _start: int = 0
    _kept: bytes = field(default=b"", repr=False)

    def get(self, start: int, count: int) -> bytes:
        """Exactly so many bytes from there. ``CutShort`` where the file ends before."""
        at = start - self._start
        if at < 0 or at + count > len(self._kept):
            self._start, at = start, 0
            self._kept = os.pread(self.descriptor, max(count, _FIRST_BYTES), start)
        found = self._kept[at : at + count]
        if len(found) != count:
            raise CutShort("the file ends early")
        return found
