"""SIGTERM: what is being downloaded is finished, and nobody holds the process for ever."""

import os
import signal
from pathlib import Path

import httpx2
import pytest

from tests.kit.raw_http import RawClient
from tests.kit.server_process import ServerProcess, prepare_data, server_process

CONTENT = os.urandom(1 << 20) * 40

pytestmark = pytest.mark.slow


def published(server: ServerProcess, key: str) -> str:
    """The path of a file of 40 MiB that only the account sees."""
    answer = httpx2.put(
        f"{server.url}/api/collections/stop/files/a.bin",
        content=CONTENT,
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return f"/files/{answer.json()['id']}"


def begin(server: ServerProcess, key: str, path: str) -> RawClient:
    client = RawClient(server.url)
    client.send_head("GET", path, f"Authorization: Bearer {key}")
    assert client.read_head().startswith("HTTP/1.1 200")
    return client


def test_a_running_download_is_finished_after_sigterm(tmp_path: Path):
    texts = {"CIMAISE_UPLOADS_EXTENSIONS": "any", "CIMAISE_SERVER_GRACE": "30s"}
    key = prepare_data(tmp_path, texts, "stop")
    with server_process(tmp_path, texts) as server:
        with begin(server, key, published(server, key)) as client:
            server.process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx2.HTTPError):  # until nobody new is let in
                while True:
                    httpx2.get(f"{server.url}/health", timeout=5)
            rest = [client.socket.recv(1 << 20)]
            while rest[-1]:
                rest.append(client.socket.recv(1 << 20))
            assert CONTENT.endswith(b"".join(rest))
            assert len(b"".join(rest)) > len(CONTENT) - 65_536  # that much came with the head
        server.process.communicate(timeout=30)
        assert server.process.returncode == 0


def test_a_reader_that_stopped_does_not_hold_the_process(tmp_path: Path):
    texts = {"CIMAISE_UPLOADS_EXTENSIONS": "any", "CIMAISE_SERVER_GRACE": "1s"}
    key = prepare_data(tmp_path, texts, "stop")
    with server_process(tmp_path, texts) as server:
        with begin(server, key, published(server, key)):
            server.process.send_signal(signal.SIGTERM)
            server.process.communicate(timeout=30)
        assert server.process.returncode == 0
