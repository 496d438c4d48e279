"""What every server does with an application that goes wrong: never a clean end of half an answer.

Rows of the behaviour list, on our protocol class, on uvicorn's own and on Granian. SafeSend is
around the application, as it is in this server.
"""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cimaise.server.protocol import http_protocol
from tests.kit.contract_app import BODY, app
from tests.kit.uvicorn_server import running_uvicorn

ROOT = Path(__file__).parents[2]
BROKEN = (http.client.IncompleteRead, http.client.RemoteDisconnected, ConnectionError)


def granian_port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--host", "127.0.0.1",
        "--port", str(port), "--workers-kill-timeout", "2", "--no-log", "tests.kit.contract_app:app",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        try:
            while True:
                assert process.poll() is None
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                except ConnectionRefusedError:
                    continue
                break
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="module", params=["ours", "uvicorn", "granian"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    if request.param == "granian":
        yield from granian_port()
        return
    protocol = http_protocol() if request.param == "ours" else "httptools"
    with running_uvicorn(app, http=protocol) as running:
        yield running.port


@contextmanager
def connected(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def get(connection: http.client.HTTPConnection, case: str) -> tuple[int, bytes]:
    connection.request("GET", f"/{case}")
    with connection.getresponse() as answer:
        return answer.status, answer.read()


def outcome(port: int, case: str) -> tuple[int, bytes] | None:
    """Status and body, or nothing where the connection broke."""
    with connected(port) as connection:
        try:
            return get(connection, case)
        except BROKEN:
            return None


@pytest.mark.parametrize(
    "case",
    [
        "raises_with_length",
        "raises_in_chunks",
        "returns_in_the_middle",
        "returns_in_the_middle_of_chunks",
        "is_cancelled",
    ],
)
def test_half_an_answer_never_ends_cleanly(port: int, case: str):
    assert outcome(port, case) is None


@pytest.mark.parametrize(
    "case", ["raises_before_body", "raises_at_once", "breaks_a_line", "too_short", "starts_twice"]
)
def test_what_cannot_be_whole_is_an_error_or_broken(port: int, case: str):
    found = outcome(port, case)
    assert found is None or (found[0] == 500 and BODY not in found[1])


def test_bytes_past_the_declared_length_never_reach_the_next_answer(port: int):
    with connected(port) as connection:
        assert get(connection, "too_long") == (200, BODY[:4])
        assert get(connection, "whole") == (200, BODY)


def test_what_is_sent_after_the_end_is_nobodys(port: int):
    with connected(port) as connection:
        for _ in range(2):
            assert get(connection, "goes_on_after_the_end") == (200, BODY)
        assert get(connection, "whole") == (200, BODY)


def test_a_body_is_counted_to_its_last_byte(port: int):
    with connected(port) as connection:
        connection.request("POST", "/counts", body=bytes(3_000_000))
        assert connection.getresponse().read() == b"3000000"
        connection.request("POST", "/counts", body=iter([bytes(70_000)] * 3), encode_chunked=True)
        assert connection.getresponse().read() == b"210000"


def test_a_cut_upload_is_never_taken_for_whole(port: int):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST /counts HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        connection.shutdown(socket.SHUT_WR)
        said = connection.recv(65_536)
    assert b" 200 " not in said


def test_requests_behind_each_other_are_answered_in_order(port: int):
    count = b"POST /counts HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
    last = b"GET /whole HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(count % (2, b"ab") + count % (5, b"abcde") + last)
        said = b""
        while chunk := connection.recv(65_536):
            said += chunk
    bodies = [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 ")[1:]]
    assert bodies == [b"2", b"5", BODY]
