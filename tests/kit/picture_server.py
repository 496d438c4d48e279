"""An HTTPS server on the loopback that says exactly what a test tells it to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cimaise.images.remote.guarded_http import Resolve


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate that is its own authority."""

    certificate: Path
    key: Path


def make_certificate(folder: Path, *names: str) -> Certificate:
    """A certificate for host names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test pictures")])
    now = datetime.now(UTC)
    kinds = [
        x509.IPAddress(ip_address(text)) if text[0].isdigit() else x509.DNSName(text)
        for text in names
    ]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(kinds), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


@dataclass
class PictureServer:
    """What it answers, by path, and what it was asked.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        answers: Path → whole answer, head included. ``None``: never answers.
        requests: Heads of requests, in order.
    """

    port: int = 0
    answers: dict[str, bytes | None] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def url(self, path: str, host: str = "pictures.test") -> str:
        """An absolute URL."""
        return f"https://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            answer = self.answers.get(head.split(" ")[1], reply(404, b"", "text/plain"))
            if answer is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def reply(status: int, body: bytes, media_type: str = "image/png", **more: str) -> bytes:
    """An answer; header names are written with underscores."""
    headers = {"Content-Type": media_type, "Content-Length": str(len(body))}
    headers |= {name.replace("_", "-"): text for name, text in more.items()}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{n}: {t}" for n, t in headers.items() if t)]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def picture_server(
    certificate: Certificate, host: str = "127.0.0.1"
) -> AsyncIterator[PictureServer]:
    """Run one."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate.certificate, certificate.key)
    server = PictureServer()
    listening = await asyncio.start_server(server.serve, host, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def resolver(**names: Sequence[str]) -> Resolve:
    """Answers with these addresses; dots in names are written as underscores."""

    async def resolve(host: str, _port: int) -> Sequence[str]:
        found = names.get(host.replace(".", "_"), [])
        if not found:
            raise OSError("no such name")
        return found

    return resolve
