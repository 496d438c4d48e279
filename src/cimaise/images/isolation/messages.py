"""What the server and its decoding processes say to each other, over a socket pair.

A message is the length of its head, the head (MessagePack), and as many bytes as the head says.
The head is read into these types and nothing else: a process that was taken over by a picture
cannot make the server build objects of its choice.
"""

import socket
import struct
from typing import Final

import msgspec

from cimaise.images.decoders.base import Cut, ImageHeader

READY: Final = b"\x01"
"""The first thing that a process sends."""
_LENGTH: Final = struct.Struct("!I")
_MAX_HEAD_BYTES: Final = 1024 * 1024


class ReadHeader(msgspec.Struct, tag="header", frozen=True):
    """Asks for an :class:`ImageHeader`. The source follows, or is the descriptor that came along."""

    source_bytes: int | None


class Decode(msgspec.Struct, tag="decode", frozen=True):
    """Asks for pixels. The source follows, or is the descriptor that came along."""

    source_bytes: int | None
    header: ImageHeader
    cut: Cut
    max_s: float


class Encode(msgspec.Struct, tag="encode", frozen=True):
    """Asks for a file. The pixels follow."""

    format: str
    quality: int
    width: int
    height: int
    bands: int
    max_s: float


class Header(msgspec.Struct, tag="header", frozen=True):
    """An answer."""

    header: ImageHeader


class Pixels(msgspec.Struct, tag="pixels", frozen=True):
    """An answer: 8-bit sRGB follows, frames below each other."""

    width: int
    height: int
    bands: int
    frames: int
    delays_ms: tuple[int, ...] = ()
    loop: int = 0


class Encoded(msgspec.Struct, tag="encoded", frozen=True):
    """An answer: the file follows."""

    size: int


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """An answer: it could not be done.

    Attributes:
        code: One of :data:`cimaise.errors.CODES`.
        message: A public sentence.
        detail: For the log.
    """

    code: str
    message: str
    detail: str = ""


Request = ReadHeader | Decode | Encode
Answer = Header | Pixels | Encoded | Refused


def send(
    connection: socket.socket,
    message: Request | Answer,
    body: bytes | memoryview = b"",
    descriptor: int | None = None,
) -> None:
    """Send a message, and with it a file's descriptor where one is given."""
    head = msgspec.msgpack.encode(message)
    first = _LENGTH.pack(len(head)) + head
    if descriptor is None:
        connection.sendall(first)
    else:
        sent = socket.send_fds(connection, [first], [descriptor])
        connection.sendall(first[sent:])
    if body:
        connection.sendall(body)


def receive_head(connection: socket.socket) -> tuple[bytes, int | None]:
    """The head of the next message and the descriptor that came with it.

    Raises:
        EOFError: The other side has closed the connection.
    """
    first, descriptors, _flags, _address = socket.recv_fds(connection, _LENGTH.size, 1)
    if not first:
        raise EOFError
    first += bytes(receive(connection, _LENGTH.size - len(first)))
    (length,) = _LENGTH.unpack(first)
    if length > _MAX_HEAD_BYTES:
        raise EOFError
    return bytes(receive(connection, length)), descriptors[0] if descriptors else None


def receive(connection: socket.socket, size: int) -> bytearray:
    """Exactly ``size`` bytes.

    Raises:
        EOFError: The other side has closed the connection before.
    """
    held = bytearray(size)
    view = memoryview(held)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError
        view = view[count:]
    return held
