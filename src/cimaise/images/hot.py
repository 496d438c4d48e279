"""The few bytes that everybody asks for, in memory."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

_Value = TypeVar("_Value")

HOT_BYTES: Final = 64 * 1024 * 1024
HOT_ENTRY_BYTES: Final = 256 * 1024


class Hot(Generic[_Value]):
    """Keeps what was used last, up to a number of bytes."""

    def __init__(
        self, *, max_bytes: int = HOT_BYTES, max_entry_bytes: int = HOT_ENTRY_BYTES
    ) -> None:
        """Make an empty one.

        Args:
            max_bytes: Of all entries together.
            max_entry_bytes: Larger entries are not kept.
        """
        self._entries: OrderedDict[str, tuple[_Value, int]] = OrderedDict()
        self._max_bytes = max_bytes
        self._max_entry_bytes = max_entry_bytes
        self.size = 0

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
            _, (_, freed) = self._entries.popitem(last=False)
            self.size -= freed

    def drop(self, key: str) -> None:
        """Forget an entry."""
        found = self._entries.pop(key, None)
        if found is not None:
            self.size -= found[1]

    def drop_all(self, prefix: str) -> None:
        """Forget every entry whose key begins with ``prefix``."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            self.drop(key)
