"""``cimaise upload`` as people call it, against the whole application."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cimaise
from tests.kit.bodies import content
from tests.kit.served_application import ServedApplication, served_application


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApplication]:
    with served_application(tmp_path_factory.mktemp("server")) as served:
        yield served


@pytest.fixture
def _is_client(
    server: ServedApplication, cimaise: Cimaise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIMAISE_CLIENT_SERVER", server.url)
    monkeypatch.setenv("CIMAISE_CLIENT_KEY", server.key)


def files(folder: Path, *names: str) -> list[str]:
    for number, name in enumerate(names):
        (folder / name).write_bytes(content(1000 + number, number))
    return [str(folder / name) for name in names]


@pytest.mark.usefixtures("_is_client")
def test_each_file_that_arrived_is_a_line_with_its_address(
    server: ServedApplication, cimaise: Cimaise, tmp_path: Path
):
    paths = files(tmp_path, "a.bin", "b.bin")
    result = cimaise("upload", *paths, "--collection", "inbox")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == paths
    assert all(line.split()[1].startswith(f"{server.url}/files/") for line in lines)
    assert "a.bin: 100 %" in result.stderr


@pytest.mark.usefixtures("_is_client")
def test_one_that_fails_is_named_and_the_others_arrive(cimaise: Cimaise, tmp_path: Path):
    paths = files(tmp_path, "a.bin", "b.bin")
    empty = tmp_path / "empty.bin"
    empty.touch()
    result = cimaise("upload", paths[0], str(empty), paths[1], "--collection", "inbox")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr.splitlines()[-1] == f"cimaise: {empty}: An empty file is not accepted."


@pytest.mark.usefixtures("_is_client")
def test_as_json_it_tells_what_arrived_and_what_failed(cimaise: Cimaise, tmp_path: Path):
    (path,) = files(tmp_path, "a.bin")
    empty = tmp_path / "empty.bin"
    empty.touch()
    options = ["--collection", "inbox", "--json", "--no-publish", "--checksum", "--title", "A"]
    result = cimaise("upload", path, str(empty), *options)
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    (arrived,) = told["files"]
    assert (arrived["path"], arrived["state"], arrived["size"]) == (path, "uploaded", 1000)
    assert told["failed"] == [
        {"path": str(empty), "error": "An empty file is not accepted.", "code": "invalid"}
    ]


def test_options_are_above_the_environment(
    server: ServedApplication, cimaise: Cimaise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CIMAISE_CLIENT_SERVER", "http://127.0.0.1:1")
    monkeypatch.setenv("CIMAISE_CLIENT_KEY", "cim_wrong")
    (path,) = files(tmp_path, "a.bin")
    given = ["--server", server.url + "/", "--key", server.key]
    assert cimaise("upload", path, "--collection", "inbox", *given).exit_code == 0


def test_a_wrong_key_is_one_clear_line(server: ServedApplication, cimaise: Cimaise, tmp_path: Path):
    (path,) = files(tmp_path, "a.bin")
    given = ["--server", server.url, "--key", "cim_wrong", "--collection", "inbox"]
    result = cimaise("upload", path, *given)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert path in result.stderr


def _hears_ctrl_c() -> None:
    """What a shell runs in the background ignores it, and all that is begun there (POSIX, 2.11)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.usefixtures("_is_client")
def test_ctrl_c_says_that_the_same_command_goes_on(server: ServedApplication, tmp_path: Path):
    (path,) = files(tmp_path, "a.bin")
    command = [sys.executable, "-m", "cimaise", "upload", path, "--collection", "inbox"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hears_ctrl_c,  # noqa: PLW1509 (no lock is taken in it)
    )

    async def hook(scope: Any, receive: Any) -> int | None:
        if scope["method"] != "PUT":
            return None
        process.send_signal(signal.SIGINT)
        while (await receive())["type"] != "http.disconnect":
            pass
        return 499

    server.hook = hook
    out, told = process.communicate(timeout=60)
    server.hook = None
    assert (process.returncode, out) == (1, "")
    assert told.splitlines()[-1] == "cimaise: Stopped. The same command goes on from here."
