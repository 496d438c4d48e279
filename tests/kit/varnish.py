"""A real Varnish in front of a server, with the configuration that the manual gives."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.kit.backends import left_out

RECIPE = Path(__file__).resolve().parents[2] / "docs/how-to/put-a-cache-in-front.md"
_LIMIT_S = 20.0


def recipe() -> str:
    """The VCL of the manual's page, word for word."""
    found = re.search(r"```vcl\n(.*?)```", RECIPE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@contextmanager
def running_varnish(backend_url: str, folder: Path, *, token: str) -> Iterator[str]:
    """Start one with the recipe for this backend; gives its URL."""
    program = shutil.which("varnishd")
    if program is None:
        left_out("varnish is not installed")
    where = urlsplit(backend_url)
    vcl = (
        recipe().replace('"127.0.0.1"', f'"{where.hostname}"').replace('"3023"', f'"{where.port}"')
    )
    _open_to_all(folder)
    (folder / "recipe.vcl").write_text(vcl.replace("a-token-of-yours", token))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [program, "-F", "-n", str(folder / "work"), "-a", f"127.0.0.1:{port}", "-f",
         str(folder / "recipe.vcl"), "-s", "malloc,32m", "-T", "none"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        _wait(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=_LIMIT_S)


def _open_to_all(folder: Path) -> None:
    """Varnish drops its rights, and then has to read below a folder that is ours alone."""
    for one in (folder, *folder.parents):
        if one.owner() == folder.owner() and one.is_relative_to(tempfile.gettempdir()):
            one.chmod(one.stat().st_mode | 0o055)


def _wait(port: int, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        else:
            return
    raise AssertionError("varnish does not accept connections")
