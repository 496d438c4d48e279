"""What a decoding process may do: little. Everything here is taken before the first picture."""

import ctypes
import os
import resource
import signal
import sys
from typing import Final

_MAX_FILES: Final = 64
_CLONE_NEWUSER: Final = 0x10000000  # linux/sched.h
_CLONE_NEWNET: Final = 0x40000000
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h
_NICENESS: Final = 10


def leave_the_network() -> None:
    """A network of its own, with nothing in it, where the system allows that. Before any thread."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)  # as nobody in particular; may be forbidden


def confine(max_bytes: int) -> None:
    """Set the limits. After the libraries have been loaded, for they count too.

    Args:
        max_bytes: Address space, beyond what is taken already.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the server
    _be_nice()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, _MAX_FILES)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, _taken_bytes() + max_bytes)
        _be_the_first_to_go()


def allow_seconds(seconds: float) -> None:
    """Processor time for the next piece of work; a server that died cannot end it any more."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + 2 * seconds + 5), hard))


def _be_nice() -> None:
    """No more than that: who is spawned by a nice thread is as nice from the beginning."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, max(own, _NICENESS))


def _limit(which: int, value: int) -> None:
    _soft, hard = resource.getrlimit(which)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _taken_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()


def _be_the_first_to_go() -> None:
    """Where memory runs out, the kernel ends this process rather than the server."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("1000")
    except OSError:  # a sandbox may hide it
        pass
