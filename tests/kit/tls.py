"""A server that speaks TLS with a certificate made for the test, and clients that trust it."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.kit.picture_server import Certificate, make_certificate
from tests.kit.serving import LIMIT_S, Serving, serving

HOST = "127.0.0.1"


def certificate(folder: Path) -> Certificate:
    """A new one for the loopback, in a folder that is made."""
    folder.mkdir()
    return make_certificate(folder, HOST)


@contextmanager
def serving_tls(data_dir: Path, pair: Certificate, *options: str) -> Iterator[Serving]:
    """``cimaise serve`` with it, on a free port."""
    files = ("--tls-certificate", str(pair.certificate), "--tls-key", str(pair.key))
    with serving(data_dir, *files, *options) as server:
        yield server


def trusting(pair: Certificate) -> ssl.SSLContext:
    """What a client needs that trusts nobody else."""
    return ssl.create_default_context(cafile=str(pair.certificate))


def client_of(url: str, pair: Certificate, key: str = "") -> httpx2.Client:
    """One that signs in with ``key``."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.Client(base_url=url, headers=headers, timeout=LIMIT_S, verify=trusting(pair))


def connect(url: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    """One connection, with its handshake done."""
    parts = urlsplit(url)
    plain = socket.create_connection((HOST, parts.port or 0), timeout=LIMIT_S)
    return context.wrap_socket(plain, server_hostname=HOST)


def shown(url: str) -> str:
    """The certificate that a new connection is shown, as PEM."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connect(url, context) as connection:
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")
