"""A power cut at any system call that changes a file."""

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

CHANGES = (
    "open",
    "pwritev",
    "fsync",
    "fdatasync",
    "ftruncate",
    "utime",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
    "copy_file_range",
)


class PowerCut(BaseException):
    """The machine is off."""


class PowerSwitch:
    """Counts changes; at the chosen one, and ever after, nothing reaches the disk.

    The write that is hit leaves half of its bytes. Synchronising is counted but not done: what
    was written stays, as when a process is killed.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.changes = 0
        self.cut_at: int | None = None
        self._lock = threading.Lock()
        for name in CHANGES:
            monkeypatch.setattr(os, name, self._guarded(name, getattr(os, name)))

    def _guarded(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **more: Any) -> Any:
            with self._lock:
                self.changes += 1
                hit = self.cut_at is not None and self.changes >= self.cut_at
                first = self.changes == self.cut_at
            if hit:
                if first and name == "pwritev":
                    descriptor, pieces, offset = arguments
                    whole = b"".join(pieces)
                    os.pwrite(descriptor, whole[: len(whole) // 2], offset)
                raise PowerCut
            return None if name in ("fsync", "fdatasync") else real(*arguments, **more)

        return change

    def on(self) -> None:
        """Nothing is cut from now on."""
        self.cut_at = None

    def cut_after(self, changes: int) -> None:
        """Let that many changes happen from now on, then none."""
        self.changes = 0
        self.cut_at = changes + 1
