"""HTTP by hand over a socket, for what no well-behaved client does."""

import socket
import struct
import time
from typing import Self
from urllib.parse import urlsplit

LIMIT_S = 30.0


class RawClient:
    """One connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=LIMIT_S)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send_head(self, method: str, path: str, *lines: str, fill: str | None = None) -> None:
        """A request line and headers; ``fill`` takes the place of ``{}`` in them."""
        head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *lines, "", ""])
        self.send((head if fill is None else head.format(fill)).encode())

    def send(self, whole: bytes) -> None:
        """Bytes, as they are."""
        self.socket.sendall(whole)

    def wait_until_read(self) -> None:
        """The other side's kernel has taken everything that was sent (``SIOCOUTQ``)."""
        import fcntl  # noqa: PLC0415
        import termios  # noqa: PLC0415

        stop = time.monotonic() + LIMIT_S
        while struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0" * 4))[0]:
            assert time.monotonic() < stop

    def read_head(self) -> str:
        """The status line and headers of the next answer."""
        while b"\r\n\r\n" not in self._rest:
            chunk = self.socket.recv(65_536)
            assert chunk, "the connection ended without an answer"
            self._rest += chunk
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def read_to_end(self) -> bytes:
        """Everything until the other side closes."""
        whole = self._rest
        while chunk := self.socket.recv(65_536):
            whole += chunk
        return whole

    def read_some(self, least: int) -> int:
        """At least so many bytes of what comes next; gives how many it were."""
        came, self._rest = len(self._rest), b""
        while came < least:
            chunk = self.socket.recv(65_536)
            assert chunk, "the connection ended too early"
            came += len(chunk)
        return came

    def reset(self) -> None:
        """Close by RST, as a crash of the network looks."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
