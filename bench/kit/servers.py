"""Servers to be measured: this one and its competitors, each a process of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
LIMIT_S = 60


@dataclass
class Subject:
    """A running server.

    Attributes:
        name: As the results call it.
        port: On 127.0.0.1.
        pids: Its processes.
        facts: What else a measurement needs: keys, paths.
    """

    name: str
    port: int
    pids: Sequence[int]
    facts: dict[str, str] = field(default_factory=dict)

    def cpu_s(self) -> float:
        """Seconds of CPU that all its processes have used so far."""
        return sum(_cpu_s(pid) for pid in self.pids)

    def memory_mib(self) -> float:
        """Resident memory now."""
        return sum(_status_kib(pid, "VmRSS") for pid in self.pids) / 1024

    def peak_mib(self) -> float:
        """Most resident memory since :meth:`forget_peak`."""
        return sum(_status_kib(pid, "VmHWM") for pid in self.pids) / 1024

    def forget_peak(self) -> None:
        """Begin a new peak (proc(5), ``clear_refs``)."""
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _status_kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until it listens."""
    stop = time.monotonic() + LIMIT_S
    while time.monotonic() < stop:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen on {port}")


@contextmanager
def running(command: Sequence[str], port: int, **environment: str) -> Iterator[int]:
    """Start a process and stop it at the end; gives its id."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def found(name: str) -> str:
    """Where a program is: on PATH, beside Go's others, or where Debian keeps servers."""
    places = [os.environ.get("PATH", ""), str(Path.home() / "go" / "bin"), "/usr/sbin"]
    program = shutil.which(name, path=os.pathsep.join(places))
    if program is None:
        raise SystemExit(
            f"{name} is needed for this: see the top of the file for where it comes from"
        )
    return program


@contextmanager
def cimaise(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Subject]:
    """This server, on a fresh data folder with an account and an open collection."""
    from tests.kit.server_process import prepare_data  # noqa: PLC0415 (after the path is set)

    data, port = folder / "cimaise", free_port()
    data.mkdir()
    settings = {"CIMAISE_UPLOADS_EXTENSIONS": "any", "CIMAISE_LOG_LEVEL": "warning"}
    settings |= dict(environment or {})
    key = prepare_data(data, settings, "bench")
    command = [
        sys.executable,
        "-m",
        "cimaise",
        "serve",
        "--data-dir",
        str(data),
        "--port",
        str(port),
    ]
    with running(command, port, **settings) as pid:
        _open_to_all(port, key)
        yield Subject("cimaise", port, [pid], {"key": key, "data": str(data)})


def _open_to_all(port: int, key: str) -> None:
    """Once it answers, everybody may see what is in the collection."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/collections/bench",
        data=b'{"visibility": "public"}',
        method="PATCH",
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        answer.read()


@contextmanager
def tusd(folder: Path) -> Iterator[Subject]:
    """tusd, the reference server of the tus protocol: ``go install github.com/tus/tusd/v2/cmd/tusd@latest``."""
    port = free_port()
    where = folder / "tusd"
    where.mkdir()
    command = [found("tusd"), "-host", "127.0.0.1", "-port", str(port), "-upload-dir", str(where)]
    with running(command, port) as pid:
        yield Subject("tusd", port, [pid], {"data": str(where)})


NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
{user}
events {{ worker_connections 8192; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; types {{ }} default_type application/octet-stream;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 0;
  {http}
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; {server} }}
}}
"""


@contextmanager
def nginx(
    folder: Path, root: Path, *, server: str = "", http: str = "", name: str = "nginx"
) -> Iterator[Subject]:
    """The static server with one worker: ``apt-get install nginx-light``."""
    port, where = free_port(), folder / name
    where.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(folder=where, root=root, port=port, user=user, server=server, http=http)
    config = where / "nginx.conf"
    config.write_text(text)
    with running([found("nginx"), "-c", str(config), "-p", str(where)], port) as pid:
        yield Subject(name, port, children(pid), {"data": str(root)})
