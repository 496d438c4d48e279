"""Bytes up and down through TLS, by real clients, on a server process of its own."""

import base64
import hashlib
import os
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.kit.backends import left_out
from tests.kit.picture_server import Certificate
from tests.kit.server_process import prepare_data
from tests.kit.serving import LIMIT_S, Serving
from tests.kit.tls import certificate, client_of, connect, serving_tls, trusting

CONTENT = os.urandom(1 << 20) * 50
TEXTS = {"CIMAISE_UPLOADS_EXTENSIONS": "any"}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Server:
    """A running one with a published file of 50 MiB that only its owner sees."""

    serving: Serving
    url: str
    pair: Certificate
    key: str
    path: str

    def client(self) -> httpx2.Client:
        return client_of(self.url, self.pair, self.key)

    def begin(self) -> ssl.SSLSocket:
        """Ask for the file, and read no more than that it comes."""
        connection = connect(self.url, trusting(self.pair))
        connection.sendall(
            f"GET {self.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n\r\n".encode()
        )
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        return connection

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.serving.process.pid}/fd").iterdir()))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name, text in (TEXTS | {"CIMAISE_SERVER_GRACE": "120s"}).items():
        monkeypatch.setenv(name, text)
    pair = certificate(tmp_path / "tls")
    data = tmp_path / "data"
    data.mkdir()
    key = prepare_data(data, TEXTS, "tls")
    with serving_tls(data, pair) as serving:
        url = serving.wait_ready()
        reader = threading.Thread(target=lambda: serving.log.extend(serving.process.stderr or ()))
        reader.start()
        with client_of(url, pair, key) as client:
            answer = client.put("/api/collections/tls/files/a.bin", content=CONTENT)
            assert answer.status_code == 201, answer.text
        yield Server(serving, url, pair, key, f"/files/{answer.json()['id']}")
        serving.process.kill()
        reader.join(LIMIT_S)


def test_what_was_sent_comes_back_whole_and_in_ranges(server: Server):
    with server.client() as client:
        assert client.get(server.path).content == CONTENT
        for asked, wanted in (
            ("bytes=0-0", CONTENT[:1]),
            ("bytes=1000000-40000000", CONTENT[1_000_000:40_000_001]),
            ("bytes=-70000", CONTENT[-70_000:]),
        ):
            answer = client.get(server.path, headers={"Range": asked})
            assert answer.status_code == 206
            assert answer.content == wanted
        parts = client.get(server.path, headers={"Range": "bytes=0-999999,2000000-2999999"})
        assert parts.headers["content-type"].startswith("multipart/byteranges")
        assert CONTENT[:1_000_000] in parts.content
        assert CONTENT[2_000_000:3_000_000] in parts.content


def test_curl_verifies_the_certificate_and_resumes(server: Server, tmp_path: Path):
    if shutil.which("curl") is None:
        left_out("curl is not installed")
    got = tmp_path / "got"
    got.write_bytes(CONTENT[:12_345_678])
    command = ["curl", "--fail", "--silent", "--show-error", "--cacert", str(server.pair.certificate),
               "-H", f"Authorization: Bearer {server.key}", "-C", "-", "-o", str(got),
               f"{server.url}{server.path}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    assert got.read_bytes() == CONTENT


def test_a_tus_upload_that_broke_goes_on_where_it_was(server: Server):
    half = len(CONTENT) // 2
    names = {"collection": "tls", "filename": "b.bin"}
    told = ",".join(
        f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in names.items()
    )
    tus = {"Tus-Resumable": "1.0.0"}
    patch = tus | {"Content-Type": "application/offset+octet-stream"}
    with server.client() as client:
        begun = client.post(
            "/tus/", headers=tus | {"Upload-Length": str(len(CONTENT)), "Upload-Metadata": told}
        )
        assert begun.status_code == 201, begun.text
        where = begun.headers["location"]
        assert where.startswith("https://")
        sent = client.patch(where, headers=patch | {"Upload-Offset": "0"}, content=CONTENT[:half])
        assert sent.status_code == 204, sent.text
        offset = int(client.head(where, headers=tus).headers["upload-offset"])
        assert offset == half
        rest = client.patch(
            where, headers=patch | {"Upload-Offset": str(offset)}, content=CONTENT[offset:]
        )
        assert rest.status_code == 204, rest.text
        files = client.get("/api/collections/tls/files").json()["files"]
        assert {file["checksum_sha256"] for file in files if file["filename"] == "b.bin"} == {
            base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
        }


def test_clients_that_go_in_the_middle_leave_nothing_open(server: Server):
    with server.client() as client:
        assert client.get("/healthz").status_code == 200
        before = server.open_files()
        for connection in [server.begin() for _ in range(10)]:
            connection.close()
        stop = time.monotonic() + LIMIT_S
        while server.open_files() > before:
            assert time.monotonic() < stop
        assert client.get(server.path, headers={"Range": "bytes=0-9"}).content == CONTENT[:10]


def test_a_running_download_is_finished_after_sigterm(server: Server):
    with server.begin() as connection:
        server.serving.process.send_signal(signal.SIGTERM)
        rest = bytearray()
        while chunk := connection.recv(1 << 20):
            rest += chunk
        assert rest.partition(b"\r\n\r\n")[2] == CONTENT
        assert server.serving.process.wait(LIMIT_S) == 0


def test_a_client_that_keeps_its_connection_does_not_hold_the_process(server: Server):
    with connect(server.url, trusting(server.pair)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        server.serving.process.send_signal(signal.SIGTERM)  # it has 120 s for what runs
        assert server.serving.process.wait(LIMIT_S) == 0
