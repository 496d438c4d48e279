"""SafeSend under every server that is supported, around three frameworks: byte by byte."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.kit.free_port import free_port, wait_until_it_listens

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
APPS = ("bare", "starlette", "django_application")
MODULE = "tests.kit.safesend_apps"
SERVERS = {
    "uvicorn": ["-m", "uvicorn", "--log-level", "critical"],
    "uvicorn with our protocol": ["-m", "tests.kit.own_uvicorn"],
    "granian": ["-m", "granian", "--interface", "asgi", "--log-level", "critical", "--no-ws"],
}


@pytest.fixture(scope="module", params=[f"{app} on {server}" for server in SERVERS for app in APPS])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A server with the application, as a process of its own."""
    app, _, server = request.param.partition(" on ")
    number = free_port()
    command = [sys.executable, *SERVERS[server], f"{MODULE}:{app}", "--port", str(number)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        wait_until_it_listens(number, process)
        yield number
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:  # Granian waits for connections that linger
            os.killpg(process.pid, signal.SIGKILL)  # its workers as well
            process.wait(PATIENCE_S)


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)


def fetch(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def everything_from(port: int, path: str) -> bytes:
    """Every byte up to the end of the connection, or what came before a reset."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        try:
            while chunk := client.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass
    return received


def reports(port: int) -> list[list[str]]:
    with closing(connect(port)) as connection:
        return json.loads(fetch(connection, "/reports")[1])


def test_a_deadline_gives_503_and_the_connection_serves_the_next_request(port: int):
    with closing(connect(port)) as connection:
        status, body = fetch(connection, "/slow")
        assert status == 503
        assert json.loads(body)["code"] == "deadline"
        assert fetch(connection, "/fast") == (200, b"hello")


def test_a_late_answer_is_never_seen_and_is_reported(port: int, request: pytest.FixtureRequest):
    """Django hears that the client has its answer, and gives up the late one by itself."""
    gives_up = "django" in request.node.callspec.id
    before = len(reports(port))
    with closing(connect(port)) as connection:
        assert fetch(connection, "/late")[0] == 503
        for _ in range(3):
            assert fetch(connection, "/fast") == (200, b"hello")
        pause = time.monotonic() + PATIENCE_S
        while not gives_up and len(reports(port)) < before + 2 and time.monotonic() < pause:
            assert fetch(connection, "/fast") == (200, b"hello")
    new = reports(port)[before:]
    assert {tuple(one[:2]) for one in new} == (set() if gives_up else {("deadline", "/late")})
    assert gives_up or new[0][2] == "http.response.start"


def test_a_short_body_is_never_a_clean_end(port: int):
    with closing(connect(port)) as connection:
        connection.request("GET", "/short")
        answer = connection.getresponse()
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()


def test_too_many_bytes_are_cut_and_the_next_answer_is_its_own(port: int):
    with closing(connect(port)) as connection:
        assert fetch(connection, "/long") == (200, b"hello")
        assert fetch(connection, "/fast") == (200, b"hello")
    assert ["too_many_bytes", "/long", "http.response.body"] in reports(port)


def test_a_stream_that_breaks_is_never_ended_cleanly(port: int):
    received = everything_from(port, "/breaks")
    assert b"some" in received
    assert b"0\r\n\r\n" not in received


def test_an_error_before_the_answer_is_the_applications(port: int):
    with closing(connect(port)) as connection:
        assert fetch(connection, "/raises")[0] == 500


def test_an_honest_answer_is_what_it_was(port: int):
    with closing(connect(port)) as connection:
        for _ in range(5):
            assert fetch(connection, "/fast") == (200, b"hello")
