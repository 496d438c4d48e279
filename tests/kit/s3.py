"""Real S3 servers on this machine: Swift from the package index, versitygw where it is installed."""

import contextlib
import functools
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

_START_TIMEOUT_S = 30.0
NO_VERSITYGW = (
    "versitygw is not on PATH (nor named by CIMAISE_VERSITYGW):"
    " go install github.com/versity/versitygw/cmd/versitygw@v1.8.0"
)


class CannotStart(Exception):
    """A server did not come up; the text says why."""


@dataclass(frozen=True)
class S3Server:
    """A running server and one account of it."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    process: subprocess.Popen[bytes]

    def url(self, bucket: str, prefix: str = "") -> str:
        """What the application is told: ``CIMAISE_STORAGE_URL``."""
        return (
            f"s3://{bucket}/{prefix}?endpoint={quote(self.endpoint, safe='')}&region={self.region}"
        )

    @functools.cached_property
    def client(self) -> Any:
        """The official client, to look behind the application's back."""
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def stop(self) -> None:
        """End the process."""
        if "client" in self.__dict__:
            self.client.close()
        self.process.kill()
        self.process.communicate()


def make_bucket(server: S3Server, name: str) -> str:
    """Make an empty bucket; its name."""
    server.client.create_bucket(Bucket=name)
    return name


def start_swift(folder: Path) -> S3Server:
    """Swift with s3api in one process; takes half a second.

    Raises:
        CannotStart: With the last lines that it wrote.
    """
    script = Path(__file__).with_name("swift_server.py")
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, str(script), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START_TIMEOUT_S)
    port = process.stdout.readline().strip().decode() if ready else ""
    server = S3Server(f"http://127.0.0.1:{port}", "test:tester", "testing", "us-east-1", process)
    if not port:
        server.stop()
        last = " | ".join(log.read_text("utf-8", "replace").splitlines()[-3:])
        raise CannotStart(f"Swift with s3api cannot start (is 'swift' installed?): {last}")
    return server


def versitygw_binary() -> str | None:
    """Where versitygw is, or ``None``."""
    installed = Path.home() / "go/bin/versitygw"
    return (
        os.environ.get("CIMAISE_VERSITYGW")
        or shutil.which("versitygw")
        or (str(installed) if installed.exists() else None)
    )


def start_versitygw(
    folder: Path, *, iam: Path | None = None, port: int = 0, access_log: Path | None = None
) -> S3Server:
    """Versitygw over a folder; takes a tenth of a second. ``iam`` keeps further accounts.

    Without a ``port`` it listens on one that is free.
    """
    binary = versitygw_binary()
    if binary is None:
        raise CannotStart(NO_VERSITYGW)
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    account = ["--access", "tester", "--secret", "testing-secret", "--region", "us-east-1"]
    process = subprocess.Popen(
        [
            binary,
            "-q",
            "--keep-alive",
            *account,
            "--port",
            f"127.0.0.1:{port}",
            *(["--iam-dir", str(iam)] if iam is not None else []),
            *(["--access-log", str(access_log)] if access_log is not None else []),
            "posix",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = S3Server(f"http://127.0.0.1:{port}", "tester", "testing-secret", "us-east-1", process)
    if not _accepts(port, process):
        server.stop()
        raise CannotStart("versitygw does not accept connections")
    return server


def add_account(server: S3Server, access_key: str, secret_key: str) -> None:
    """A further account of versitygw, which may do nothing yet."""
    binary = versitygw_binary()
    assert binary is not None
    admin = ["--access", server.access_key, "--secret", server.secret_key]
    account = ["--access", access_key, "--secret", secret_key, "--role", "user"]
    subprocess.run(
        [binary, "admin", *admin, "--endpoint-url", server.endpoint, "create-user", *account],
        check=True,
        capture_output=True,
    )


def _accepts(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    return False
