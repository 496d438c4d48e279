"""``cimaise upload`` goes on after everything: itself killed, the server killed, the storage killed."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kit.application import TLS
from tests.kit.backends import left_out
from tests.kit.bodies import content
from tests.kit.mortal import COLLECTION, Mortal, mortal_server
from tests.kit.s3 import CannotStart
from tests.kit.uploading import MB

pytestmark = pytest.mark.slow
SIZE = 48 * MB
LIMIT_S = 120


@pytest.fixture(params=["disk", "s3"])
def mortal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mortal]:
    try:
        with mortal_server(tmp_path, on_s3=request.param == "s3") as made:
            yield made
    except CannotStart as fault:
        left_out(str(fault))


class Command:
    """The command, and Ann who looks at the server meanwhile."""

    def __init__(self, mortal: Mortal, folder: Path) -> None:
        self.mortal = mortal
        self.file = folder / "film.bin"
        self.file.write_bytes(content(SIZE))
        self.environment = os.environ | {
            "XDG_CACHE_HOME": str(folder / "cache"),
            "CIMAISE_CLIENT_SERVER": mortal.url,
            "CIMAISE_CLIENT_KEY": mortal.key,
        }

    def start(self) -> "subprocess.Popen[str]":
        """Send the file."""
        command = [
            sys.executable,
            "-m",
            "cimaise",
            "upload",
            str(self.file),
            "--collection",
            COLLECTION,
        ]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        )

    def ask(self, path: str) -> Any:
        """The server's answer."""
        headers = {"Authorization": f"Bearer {self.mortal.key}"}
        with httpx2.Client(
            base_url=self.mortal.url, headers=headers, verify=TLS, timeout=60
        ) as one:
            return one.get(path, follow_redirects=True)

    def parts(self) -> dict[int, str]:
        """ETags of the parts that have arrived, by number."""
        found = self.ask("/api/uploads").json()["uploads"]
        if not found:
            return {}
        stored = self.ask(f"/api/uploads/{found[0]['id']}").json().get("uploaded_parts", [])
        return {part["part_number"]: part["etag"] for part in stored}

    def wait_for_parts(self, process: "subprocess.Popen[str]", least: int) -> dict[int, str]:
        """Until so many have arrived, and not all."""
        stop = time.monotonic() + LIMIT_S
        while len(parts := self.parts()) < least:
            assert time.monotonic() < stop
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
            assert process.returncode is None, process.communicate()
        return parts

    def require_file(self) -> None:
        """It is there, once, whole."""
        (file,) = self.ask(f"/api/collections/{COLLECTION}/files").json()["files"]
        body = self.ask(file["original_url"]).content
        assert hashlib.sha256(body).digest() == hashlib.sha256(self.file.read_bytes()).digest()
        quota = self.ask("/api/me").json()["quota"]
        assert (quota["total_used"], quota["daily_files_used"]) == (SIZE, 1)


@pytest.fixture
def command(mortal: Mortal, tmp_path: Path) -> Command:
    return Command(mortal, tmp_path)


def test_killed_itself_and_the_server_too_it_goes_on_with_what_is_missing(
    command: Command, mortal: Mortal
):
    first = command.start()
    command.wait_for_parts(first, 2)
    first.kill()
    first.communicate()
    mortal.kill()
    mortal.start()
    kept = command.parts()
    assert len(kept) >= 2
    again = command.start()
    out, told = again.communicate(timeout=LIMIT_S)
    assert again.returncode == 0, told
    assert "film.bin" in out
    command.require_file()


def test_a_server_that_is_killed_and_comes_back_is_waited_for(command: Command, mortal: Mortal):
    process = command.start()
    command.wait_for_parts(process, 2)
    mortal.kill()
    mortal.start()
    _, told = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, told
    command.require_file()


@pytest.mark.parametrize("mortal", ["s3"], indirect=True)
def test_a_storage_that_is_killed_and_comes_back_is_waited_for(command: Command, mortal: Mortal):
    process = command.start()
    command.wait_for_parts(process, 2)
    mortal.kill_storage()
    mortal.start_storage()
    _, told = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, told
    command.require_file()
