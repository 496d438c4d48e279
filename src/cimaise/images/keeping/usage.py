"""Which files of a cache were used when: what goes first where there are too many bytes."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_TOUCH_AFTER_S: Final = 3600


@dataclass(slots=True)
class _Use:
    size: int
    used_at_s: float
    noted_at_s: float  # what the file's own date says, which is what others and a restart know


class Usage:
    """Sizes and last uses, the least recent first. May be called from any thread."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._uses: OrderedDict[str, _Use] = OrderedDict()
        self.size = 0

    def note(self, name: str, size: int, now_s: float) -> bool:
        """An entry of ``size`` bytes was used. True: its file's date should be renewed."""
        with self._lock:
            use = self._uses.pop(name, None) or _Use(0, 0.0, 0.0)
            self.size += size - use.size
            is_old = now_s - use.noted_at_s > _TOUCH_AFTER_S
            self._uses[name] = _Use(size, now_s, now_s if is_old else use.noted_at_s)
            return is_old

    def wrote(self, name: str, size: int, now_s: float) -> None:
        """An entry was written just now."""
        with self._lock:
            self._drop(name)
            self._uses[name] = _Use(size, now_s, now_s)
            self.size += size

    def forget(self, name: str) -> None:
        """An entry is gone."""
        with self._lock:
            self._drop(name)

    def forget_all(self, prefix: str) -> None:
        """Every entry whose name begins so is gone."""
        with self._lock:
            for name in [name for name in self._uses if name.startswith(prefix)]:
                self._drop(name)

    def replace(self, found: Iterable[tuple[str, int, float]], since_s: float) -> None:
        """Take over what the folder really holds.

        Args:
            found: Name, size and date of every file, as seconds since 1970.
            since_s: When the look-through began: what was used later is kept, though not found.
        """
        with self._lock:
            known, merged = self._uses, dict[str, _Use]()
            for name, size, dated_s in found:
                use = known.get(name)
                merged[name] = _Use(size, max(dated_s, use.used_at_s if use else 0.0), dated_s)
            for name, use in known.items():
                if name not in merged and use.used_at_s >= since_s:
                    merged[name] = use
            order = sorted(merged.items(), key=lambda item: item[1].used_at_s)
            self._uses = OrderedDict(order)
            self.size = sum(use.size for use in merged.values())

    def pop_oldest(self, most_bytes: int) -> str | None:
        """The name of the least recently used entry, forgotten, where there are more bytes."""
        with self._lock:
            if self.size <= most_bytes or not self._uses:
                return None
            name, use = self._uses.popitem(last=False)
            self.size -= use.size
            return name

    def _drop(self, name: str) -> None:
        use = self._uses.pop(name, None)
        if use is not None:
            self.size -= use.size
