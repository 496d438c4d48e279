"""How memory is kept: by the C library between two reads, by Python for as long as the process.

A server that receives bytes asks for a buffer of hundreds of kilobytes for each read. glibc gives
such blocks to the kernel and takes them back each time; with a higher threshold (mallopt(3)) they
are reused, and receiving costs about half.
"""

import ctypes
import gc
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_MMAP_BYTES: Final = 4 * 1024 * 1024
_TRIM_BYTES: Final = 64 * 1024 * 1024


def keep_buffers() -> bool:
    """Tell glibc; False where the C library is another one."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return bool(mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)) and bool(
        mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
    )


def settle() -> None:
    """What is there now stays until the end: the garbage collector never looks at it again.

    After the start that is all code and every table of it, and a look at it lets everybody wait
    for 30 to 80 ms (``gc.freeze`` in Python's manual).
    """
    gc.collect()
    gc.freeze()
