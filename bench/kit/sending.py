"""Clients for measurements: plain sockets, so that nearly all of the time is the server's."""

import base64
import os
import socket
import time
from dataclasses import dataclass

from bench.kit.servers import Subject

MIB = 1 << 20
BLOCK = os.urandom(MIB)
BOUNDARY = "-" * 24 + "0123456789abcdef"
LIMIT_S = 120


@dataclass(frozen=True)
class Sent:
    """How an upload went."""

    status: int
    seconds: float
    head: str


def connected(subject: Subject) -> socket.socket:
    """A connection."""
    made = socket.create_connection(("127.0.0.1", subject.port), timeout=LIMIT_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def read_head(connection: socket.socket) -> str:
    """The head of an answer; what came behind it is dropped."""
    said = b""
    while b"\r\n\r\n" not in said:
        chunk = connection.recv(65_536)
        if not chunk:
            raise RuntimeError("the connection ended without an answer")
        said += chunk
    return said.partition(b"\r\n\r\n")[0].decode("latin-1")


def send(subject: Subject, head: str, size: int, before: bytes = b"", after: bytes = b"") -> Sent:
    """Send a body of ``size`` random bytes, between two texts, and wait for the answer."""
    length = f"Content-Length: {len(before) + size + len(after)}\r\n\r\n"
    with connected(subject) as connection:
        began = time.perf_counter()
        connection.sendall((head + length).encode() + before)
        left = size
        while left > 0:
            connection.sendall(BLOCK if left >= MIB else BLOCK[:left])
            left -= MIB
        connection.sendall(after)
        answer = read_head(connection)
        seconds = time.perf_counter() - began
    status = int(answer.split()[1])
    if not 200 <= status < 300:  # noqa: PLR2004
        raise RuntimeError(f"{subject.name} answered {answer}")
    return Sent(status, seconds, answer)


def signed_in(subject: Subject) -> str:
    """The header that says who sends."""
    return f"Authorization: Bearer {subject.facts['key']}\r\n" if "key" in subject.facts else ""


def begin_tus(subject: Subject, size: int) -> str:
    """The path of a new tus upload."""
    names = {"filename": b"a.bin", "collection": b"bench"}
    pairs = ",".join(f"{key} {base64.b64encode(text).decode()}" for key, text in names.items())
    where = "/tus" if "key" in subject.facts else "/files/"
    head = (
        f"POST {where} HTTP/1.1\r\nHost: bench\r\nTus-Resumable: 1.0.0\r\n"
        f"Upload-Length: {size}\r\nUpload-Metadata: {pairs}\r\n{signed_in(subject)}"
    )
    answer = send(subject, head, 0).head
    line = next(one for one in answer.split("\r\n") if one.lower().startswith("location:"))
    return "/" + line.split("/", 3)[3]


def patch_head(path: str, offset: int = 0) -> str:
    """The head of a PATCH, but for its length."""
    return (
        f"PATCH {path} HTTP/1.1\r\nHost: bench\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n"
        "Content-Type: application/offset+octet-stream\r\n"
    )


def send_tus(subject: Subject, size: int) -> Sent:
    """One upload in one PATCH; its creation is not measured."""
    return send(subject, patch_head(begin_tus(subject, size)), size)


def send_put(subject: Subject, size: int) -> Sent:
    """One raw body."""
    where = "/api/collections/bench/files/a.bin" if "key" in subject.facts else "/a.bin"
    return send(subject, f"PUT {where} HTTP/1.1\r\nHost: bench\r\n{signed_in(subject)}", size)


def send_form(subject: Subject, size: int) -> Sent:
    """One file in an HTML form."""
    disposition = "Content-Disposition: form-data; name="
    before = (
        f'--{BOUNDARY}\r\n{disposition}"collection"\r\n\r\nbench\r\n'
        f'--{BOUNDARY}\r\n{disposition}"file"; filename="a.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    head = (
        f"POST /upload HTTP/1.1\r\nHost: bench\r\n{signed_in(subject)}"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    )
    after = f"\r\n--{BOUNDARY}--\r\n"
    return send(subject, head, size, before.encode(), after.encode())
