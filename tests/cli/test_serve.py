"""The server as a process of its own: ready line, sign-in link, signals, a taken port."""

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.kit.serving import LIMIT_S, serving


def status_of(url: str) -> int:
    """Of a GET."""
    with urllib.request.urlopen(url, timeout=LIMIT_S) as reply:
        status: int = reply.status
        return status


def test_it_says_where_it_is_answers_there_and_ends_well(tmp_path: Path):
    with serving(tmp_path / "data") as server:
        url = server.wait_ready()
        assert not url.endswith(":0")
        assert status_of(f"{url}/healthz") == 200
        server.process.send_signal(signal.SIGTERM)
        code, out = server.end()
    assert code == 0
    names = [event["event"] for event in server.events]
    assert names.count("server_ready") == 1
    assert names.index("server_ready") < names.index("server_stopping")
    link = next(word for word in out.split() if "/login?token=" in word)
    assert link.startswith(f"{url}/login?token=")
    token = link.partition("token=")[2]
    assert len(token) >= 20
    assert token not in json.dumps(server.events)
    assert "sign_in_link" in names


@pytest.mark.slow
def test_the_second_start_makes_no_link(tmp_path: Path):
    for expected in (True, False):
        with serving(tmp_path / "data") as server:
            server.wait_ready()
            server.process.send_signal(signal.SIGINT)
            code, out = server.end()
        assert code == 0
        assert ("token=" in out) is expected


@pytest.mark.slow
def test_several_workers_share_one_port_and_one_link(tmp_path: Path):
    with serving(tmp_path / "data", "--workers", "2") as server:
        url = server.wait_ready()
        assert status_of(f"{url}/healthz") == 200
        server.process.send_signal(signal.SIGTERM)
        code, out = server.end()
    assert code == 0
    assert out.count("token=") == 1
    names = [event["event"] for event in server.events]
    assert names.count("server_ready") == 1
    assert names.count("server_stopping") == 2


@pytest.mark.slow
def test_a_worker_that_dies_is_started_again(tmp_path: Path):
    with serving(tmp_path / "data", "--workers", "2") as server:
        url = server.wait_ready()
        os.kill(children_of(server.process.pid)[-1], signal.SIGKILL)
        assert server.wait_for("worker_ended")["exit_code"] == -signal.SIGKILL
        assert status_of(f"{url}/healthz") == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.end()[0] == 0


@pytest.mark.slow
def test_workers_end_with_the_process_that_watches_them(tmp_path: Path):
    with serving(tmp_path / "data", "--workers", "2") as server:
        server.wait_ready()
        server.process.kill()
        server.end()  # its output ends only when no worker holds it any more
    assert [event["event"] for event in server.events].count("server_stopping") == 2


def children_of(pid: int) -> list[int]:
    """Processes that have it as their parent and serve."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            facts = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_text()
        except (OSError, IndexError):
            continue
        if folder.name.isdigit() and int(facts[1]) == pid and "spawn_main" in words:
            found.append(int(folder.name))
    return sorted(found)


def test_a_port_that_is_taken_is_one_clear_line_and_makes_nothing(tmp_path: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with serving(tmp_path / "data", "--port", str(port)) as server:
            out, log = server.process.communicate(timeout=LIMIT_S)
    assert server.process.returncode == 1
    assert out == ""
    assert log == (
        f"cimaise: Port {port} of 127.0.0.1 is in use: stop what listens there, or choose --port.\n"
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_running_requests_end_before_the_server_does(tmp_path: Path):
    with serving(tmp_path / "data") as server:
        host, _, port = server.wait_ready().removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as client:
            head = (
                f"POST /api/login HTTP/1.1\r\nHost: {host}:{port}\r\nExpect: 100-continue\r\n"
                "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n"
            )
            client.sendall(head.encode())
            assert client.recv(1000).startswith(b"HTTP/1.1 100 ")  # the handler has begun to read
            server.process.send_signal(signal.SIGTERM)
            server.wait_for("server_stopping")
            client.sendall(b'{"key":"cim"}')
            assert client.recv(1000).startswith(b"HTTP/1.1 401 ")
        assert server.end()[0] == 0


@pytest.mark.slow
def test_a_second_sigint_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIMAISE_SERVER_GRACE", "3600")
    with serving(tmp_path / "data") as server:
        host, _, port = server.wait_ready().removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as client:
            client.sendall(
                f"POST /api/login HTTP/1.1\r\nHost: {host}:{port}\r\nExpect: 100-continue\r\n"
                "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n".encode()
            )
            assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
            server.process.send_signal(signal.SIGINT)
            server.wait_for("server_stopping")
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(timeout=LIMIT_S) == 0
