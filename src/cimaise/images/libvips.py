"""libvips made fit for strangers' pictures. Called once in each process, before anything else."""

import ctypes
from collections.abc import Iterable
from typing import Final

import pyvips

LEAST_VERSION: Final = (8, 15)  # "keep" exists, and WebP without metadata really has none
SERVER_LOADERS: Final = ("Jpeg", "Png", "Webp", "Nsgif")
"""What the server's own process may load."""
ISOLATED_LOADERS: Final = (*SERVER_LOADERS, "Tiff", "Svg")
"""What a process may load that can be killed."""
_MATRIX: Final = b"1 1\n1\n"
_M_ARENA_MAX: Final = -8  # malloc.h of glibc
_ARENAS: Final = 2


def prepare_libvips(loaders: Iterable[str] = SERVER_LOADERS) -> None:
    """Loaders that are not listed blocked, no cache, one thread a picture, few heaps.

    Raises:
        RuntimeError: libvips is too old, or its loaders cannot be blocked.
    """
    found = (pyvips.version(0), pyvips.version(1))
    if found < LEAST_VERSION:
        # Typically pyvips was built against the system's library instead of the wheel's.
        raise RuntimeError(f"libvips {found[0]}.{found[1]} is too old: at least 8.15 is needed")
    try:
        pyvips.operation_block_set("VipsForeignLoad", True)  # noqa: FBT003
        for name in loaders:
            pyvips.operation_block_set(f"VipsForeignLoad{name}", False)  # noqa: FBT003
    except (AttributeError, pyvips.Error) as fault:
        raise RuntimeError("libvips cannot block its loaders") from fault
    _require_blocked()
    _keep_python_out()
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)
    _bound_heaps()


def library_version() -> str:
    """Version of libvips; belongs into cache keys, for encoders change between versions."""
    return ".".join(str(pyvips.version(part)) for part in range(3))


def _require_blocked() -> None:
    """A blocked loader that loads all the same is a reason not to start."""
    try:
        pyvips.Image.matrixload_source(pyvips.Source.new_from_memory(_MATRIX))
    except pyvips.Error:
        return
    raise RuntimeError("libvips loads what it was told not to")


def _keep_python_out() -> None:
    """Libvips' warnings no longer call Python, from threads that are not Python's.

    Files that are broken on purpose make thousands of them, and processes have ended at it.
    """
    pyvips._remove_log_handler()  # noqa: SLF001  # has no public name


def _bound_heaps() -> None:
    """At most two heaps for all threads: 40 % less memory at the same speed (glibc)."""
    try:
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
    except (OSError, AttributeError):  # another C library; it has its own ways
        pass
