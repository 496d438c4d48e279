"""One process that decodes, seen from the server."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from cimaise.errors import Unavailable
from cimaise.images.decoders.base import Source
from cimaise.images.isolation import messages as m

_KEPT_VARIABLES: Final = (
    "PATH",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "TMPDIR",
    "FONTCONFIG_PATH",
)
_START_S: Final = 60.0
_END_S: Final = 10.0
_MAX_BANDS: Final = 4
_FILE_HEAD_BYTES: Final = 64 * 1024
_answer: Final = msgspec.msgpack.Decoder(m.Answer)


class Broken(Exception):
    """The process has died, was killed or talks nonsense. It must not be used again."""


class Killed(Broken):
    """Somebody else ended the process: the kernel, where memory ran out, or an operator."""


class TooSlow(Exception):
    """The process did not answer in time. It must not be used again."""


class Process:
    """Started by spawning, never by forking. One thread at a time may ask; any may kill."""

    def __init__(self, *, max_bytes: int) -> None:
        """Start it.

        Args:
            max_bytes: Address space for its work.
        """
        self._connection, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own module, no text of others
                [
                    sys.executable,
                    "-m",
                    "cimaise.images.isolation.child",
                    str(theirs.fileno()),
                    str(max_bytes),
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(os.environ),
            )
        self.answered = 0

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait until it can be asked; starting is no part of anybody's time.

        Raises:
            Broken: It did not start.
        """
        self._connection.settimeout(_START_S)
        try:
            if m.receive(self._connection, len(m.READY)) != m.READY:
                raise Broken
        except (OSError, EOFError) as fault:
            raise Broken from fault

    def ask(
        self, request: m.Request, body: bytes | memoryview | Path, *, max_s: float
    ) -> tuple[m.Answer, bytearray]:
        """Ask and wait for the answer.

        Args:
            request: What to do.
            body: What follows; a path is opened here and handed over.
            max_s: How long the answer may take.

        Raises:
            Killed: Somebody else ended the process; that says nothing of what it was asked.
            Broken: The process has died or talks nonsense.
            TooSlow: No answer in time.
            FileNotFoundError: There is no file at ``body``.
            Unavailable: It cannot be opened.
        """
        if not isinstance(body, Path):
            return self._ask(request, body, None, max_s)
        with _opened(body) as file:
            return self._ask(request, b"", file.fileno(), max_s)

    def _ask(
        self, request: m.Request, body: bytes | memoryview, descriptor: int | None, max_s: float
    ) -> tuple[m.Answer, bytearray]:
        until_s = time.monotonic() + max_s
        try:
            self._send(request, body, descriptor, until_s)
            self._wait(until_s)
            head, _ = m.receive_head(self._connection)
            answer = _answer.decode(head)
            content = m.receive(self._connection, _size(answer, request))
        except TimeoutError:
            raise TooSlow from None
        except (OSError, EOFError) as fault:
            raise (Killed if self._was_killed() else Broken) from fault
        except (msgspec.MsgspecError, MemoryError) as fault:
            raise Broken from fault
        self.answered += 1
        return answer, content

    def kill(self) -> None:
        """End it at once; whoever waits for its answer gets ``Broken``."""
        self._process.kill()

    def close(self) -> None:
        """End it and wait for its end."""
        self._connection.close()
        self._process.kill()
        self._process.wait(_END_S)

    def _was_killed(self) -> bool:
        """After its end of the connection was closed, which it does only by ending."""
        try:
            return self._process.wait(_END_S) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def _send(
        self, request: m.Request, body: bytes | memoryview, descriptor: int | None, until_s: float
    ) -> None:
        self._wait(until_s)
        m.send(self._connection, request, body, descriptor)

    def _wait(self, until_s: float) -> None:
        self._connection.settimeout(max(0.001, until_s - time.monotonic()))


def _opened(path: Path) -> BinaryIO:
    """The source. What fails here is no fault of the picture's, and nothing has been sent yet."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise
    except OSError as fault:
        raise Unavailable("The file of the picture cannot be opened.") from fault


def _size(answer: m.Answer, request: m.Request) -> int:
    """How many bytes follow; ``Broken`` where they are more than the request can lead to."""
    if isinstance(answer, m.Pixels):
        size = answer.width * answer.height * answer.bands * answer.frames
    else:
        size = answer.size if isinstance(answer, m.Encoded) else 0
    most = 0
    if isinstance(request, m.Decode):
        most = request.cut.size[0] * request.cut.size[1] * _MAX_BANDS * request.cut.count
    elif isinstance(request, m.Encode):
        most = 2 * request.width * request.height * request.bands + _FILE_HEAD_BYTES
    if not 0 <= size <= most:
        raise Broken
    return size


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What is needed to start, and no secrets."""
    kept = {name: environment[name] for name in _KEPT_VARIABLES if name in environment}
    return kept | {"MALLOC_ARENA_MAX": "2", "VIPS_CONCURRENCY": "1"}


def body_of(source: Source) -> tuple[int | None, bytes | Path]:
    """How a source is announced, and what follows."""
    return (None, source) if isinstance(source, Path) else (len(source), source)
