"""The process on the other side: reads requests, answers them, ends with its connection.

``python -m cimaise.images.isolation.child DESCRIPTOR MAX_BYTES``
"""

import os
import socket
import sys
from pathlib import Path
from typing import Final

import msgspec
import pyvips

from cimaise.errors import CimaiseError, NotFound
from cimaise.images import codec
from cimaise.images.codec import OwnCodec
from cimaise.images.decoders.base import Frames, Source
from cimaise.images.isolation import messages as m
from cimaise.images.isolation.confinement import allow_seconds, confine, leave_the_network
from cimaise.images.libvips import ISOLATED_LOADERS, prepare_libvips
from cimaise.images.resizing import from_pixels
from cimaise.images.stopping import Stop

_HEADER_SECONDS: Final = 10.0
_OWN_DESCRIPTORS: Final = Path("/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd")
_decoder: Final = msgspec.msgpack.Decoder(m.Request)


def main() -> None:
    """Serve until the server closes the connection."""
    descriptor, max_bytes = int(sys.argv[1]), int(sys.argv[2])
    leave_the_network()
    prepare_libvips(ISOLATED_LOADERS)
    confine(max_bytes)
    with socket.socket(fileno=descriptor) as connection:
        connection.sendall(m.READY)
        while True:
            try:
                head, passed = m.receive_head(connection)
            except EOFError:
                return
            _answer(connection, _decoder.decode(head), passed)


def _answer(connection: socket.socket, request: m.Request, passed: int | None) -> None:
    try:
        body: bytes | memoryview = b""
        if isinstance(request, m.ReadHeader):
            answer: m.Answer = _header(connection, request, passed)
        elif isinstance(request, m.Decode):
            answer, body = _decoded(connection, request, passed)
        else:
            answer, body = _encoded(connection, request)
    except CimaiseError as fault:
        answer, body = m.Refused(fault.code, fault.message), b""
    except MemoryError:
        answer, body = m.Refused("too_complex", "The picture needs more memory than it may."), b""
    except Exception as fault:  # whatever a library does with a broken file, the file is broken
        answer = m.Refused("not_an_image", "The file is no picture that can be read.", repr(fault))
        body = b""
    finally:
        if passed is not None:
            os.close(passed)
    m.send(connection, answer, body)


def _source(connection: socket.socket, size: int | None, passed: int | None) -> Source:
    if size is not None:
        return bytes(m.receive(connection, size))
    if passed is None:
        raise NotFound("The file of the picture is missing.", code="file_missing")
    return _OWN_DESCRIPTORS / str(passed)


def _header(connection: socket.socket, request: m.ReadHeader, passed: int | None) -> m.Header:
    source = _source(connection, request.source_bytes, passed)
    allow_seconds(_HEADER_SECONDS)
    return m.Header(codec.read_header(source))


def _decoded(
    connection: socket.socket, request: m.Decode, passed: int | None
) -> tuple[m.Pixels, memoryview]:
    source = _source(connection, request.source_bytes, passed)
    allow_seconds(request.max_s)
    frames = OwnCodec().decode(source, request.header, request.cut, Stop())
    return _pixels(frames)


def _pixels(frames: Frames) -> tuple[m.Pixels, memoryview]:
    first = frames.images[0]
    joined = pyvips.Image.arrayjoin(list(frames.images), across=1)
    answer = m.Pixels(
        width=first.width,
        height=first.height,
        bands=first.bands,
        frames=len(frames.images),
        delays_ms=frames.delays_ms,
        loop=frames.loop,
    )
    return answer, memoryview(joined.write_to_memory())


def _encoded(connection: socket.socket, request: m.Encode) -> tuple[m.Encoded, bytes]:
    pixels = m.receive(connection, request.width * request.height * request.bands)
    allow_seconds(request.max_s)
    image = from_pixels(pixels, request.width, request.height, request.bands)
    body = OwnCodec().encode(image, request.format, request.quality, Stop())
    return m.Encoded(len(body)), body


if __name__ == "__main__":
    main()
