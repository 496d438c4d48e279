"""A network between client and server that can break: a proxy for TCP on this machine."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 64 * 1024


@dataclass
class BadNetwork:
    """Clients see a reset. The server sees an end, and everything that had reached the network.

    Attributes: ``port`` to connect to; ``sent_bytes`` that went towards the server so far;
    ``connections`` that were made; ``is_down``: new ones are reset at once; ``most_answered``:
    bytes after which answers end on each connection, whoever tries again included; ``cuts``."""

    port: int
    sent_bytes: int = 0
    connections: int = 0
    is_down: bool = False
    _target: int = 0
    _left: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[tuple[socket.socket, socket.socket]] = field(default_factory=set)
    most_answered: int | None = None
    cuts: int = 0

    @property
    def url(self) -> str:
        """Where clients believe the server to be."""
        return f"http://127.0.0.1:{self.port}"

    def lead_to(self, port: int) -> None:
        """Where it really is; it may move."""
        self._target = port

    def cut_after(self, sent_bytes: int) -> None:
        """Once so many bytes more have gone towards the server, every connection is reset."""
        with self._lock:
            self._left = sent_bytes

    def go_down(self) -> None:
        """Reset all connections, and every new one."""
        self.is_down = True
        self._reset_all()

    def come_back(self) -> None:
        """Work again."""
        self.is_down = False

    def take(self, connection: socket.socket) -> None:
        """Serve one connection of a client; returns at once."""
        self.connections += 1
        if self.is_down:
            _reset(connection)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=30)
        except OSError:
            _reset(connection)
            return
        server.settimeout(None)
        with self._lock:
            self._open.add((connection, server))
        threading.Thread(target=self._serve, args=(connection, server), daemon=True).start()

    def _serve(self, connection: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=self._pump, args=(server, connection, False), daemon=True)
        back.start()
        self._pump(connection, server, counts=True)
        back.join()
        with self._lock:
            self._open.discard((connection, server))
        connection.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        answered = 0
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                if counts and self._is_cut(len(chunk)):
                    return
                allowed = len(chunk) if counts else self._allowed(len(chunk), answered)
                sink.sendall(chunk[:allowed])
                answered += allowed
                if allowed < len(chunk):
                    break
            sink.shutdown(socket.SHUT_WR)

    def _allowed(self, size: int, answered: int) -> int:
        """How much of the next ``size`` bytes clients still get: they see an end, not a reset."""
        with self._lock:
            if self.most_answered is None or answered + size <= self.most_answered:
                return size
            self.cuts += 1
            return self.most_answered - answered

    def _is_cut(self, size: int) -> bool:
        with self._lock:
            self.sent_bytes += size
            if self._left is None:
                return False
            self._left -= size
            if self._left > 0:
                return False
            self._left = None
            self.cuts += 1
        self._reset_all()
        return True

    def _reset_all(self) -> None:
        with self._lock:
            living, self._open = self._open, set()
        for connection, server in living:
            _reset(connection)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def _reset(connection: socket.socket) -> None:
    """Close by RST, and wake whoever waits for it."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        connection.close()


@contextmanager
def bad_network() -> Iterator[BadNetwork]:
    """One that works, until told otherwise; say with ``lead_to`` where the server is."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        network = BadNetwork(listener.getsockname()[1])

        def accept() -> None:
            with suppress(OSError):
                while True:
                    network.take(listener.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield network
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        network.go_down()
