"""Where a boundary stands in bytes that are not copied for it.

``memmem`` of the C library looks at every fortieth byte or so where the boundary has forty, which
is several times faster than ``bytearray.find`` (``bench/uploads.py throughput`` counts what a form
costs) and takes a view of any memory. POSIX has it since 2024; glibc, musl, the BSDs and macOS
have had it for longer.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final


def _library_search() -> Callable[..., int | None] | None:
    try:
        search: Any = ctypes.CDLL(None).memmem
    except (OSError, AttributeError, TypeError):
        return None
    search.restype = ctypes.c_void_p
    search.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    found: Callable[..., int | None] = search
    return found


_memmem: Final = _library_search()


def find(memory: memoryview, wanted: bytes) -> int:
    """The index of ``wanted`` in ``memory``, both of bytes and not empty; -1 where it is not there."""
    if _memmem is None or memory.readonly:  # no address of a constant is to be had
        return bytes(memory).find(wanted)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    found = _memmem(start, len(memory), wanted, len(wanted))
    return -1 if found is None else found - start


def find_begun(memory: memoryview, wanted: bytes) -> int:
    """Where ``wanted`` begins at the end of ``memory`` and may go on behind it; -1 where it does not.

    Only for what begins with a byte that it does not have again.
    """
    tail = bytes(memory[-(len(wanted) - 1) :])
    at = tail.rfind(wanted[:1])
    if at < 0 or not wanted.startswith(tail[at:]):
        return -1
    return len(memory) - len(tail) + at
