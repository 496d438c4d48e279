"""What holds for every command: help, versions, faults, a quick start."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from cimaise.cli import main
from cimaise.cli.manual import commands
from tests.cli.conftest import Cimaise

HEAVY = ("pyvips", "boto3", "uvicorn", "sqlalchemy", "aiohttp", "starlette", "rich", "alembic")


def _leaves() -> Iterator[str]:
    return (path for path, command in commands(main) if not isinstance(command, click.Group))


@pytest.mark.parametrize("path", [path for path, _ in commands(main)])
def test_every_command_explains_itself(cimaise: Cimaise, path: str):
    result = cimaise(*path.split()[1:], "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.output
    _, command = next(one for one in commands(main) if one[0] == path)
    assert len((command.help or "").split()) >= 5
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("path", list(_leaves()))
def test_every_setting_that_is_wrong_is_named_on_a_line_of_its_own(
    cimaise: Cimaise, path: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CIMAISE_NOTHING_LIKE_THIS", "1")
    monkeypatch.setenv("CIMAISE_SERVER_DEADLINE", "soon")
    needed = {
        "cimaise accounts create": ["ann"],
        "cimaise accounts disable": ["ann"],
        "cimaise accounts set-password": ["ann", "--password", "a long one of the tests"],
        "cimaise accounts sign-in-link": ["ann"],
        "cimaise upload": [__file__, "--collection", "inbox"],
        "cimaise sign": ["/images/x"],
        "cimaise takedown": ["file", "--reason", "a notice"],
        "cimaise takedowns restore": ["takedown"],
        "cimaise audit export": ["-"],
        "cimaise backup": ["folder"],
        "cimaise restore": ["folder"],
        "cimaise move-storage": ["--to", "memory:"],
    }
    result = cimaise(*path.split()[1:], *needed.get(path, []))
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert "CIMAISE_NOTHING_LIKE_THIS: there is no such setting" in lines[0]
    assert "CIMAISE_SERVER_DEADLINE: expected a duration" in lines[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["serf"],
        ["serve", "--prot", "1"],
        ["serve", "--port", "70000"],
        ["serve", "--workers", "0"],
        ["serve", "--config", "/nowhere/cimaise.toml"],
        ["accounts", "create"],
        ["accounts", "create", "ann", "--role", "king"],
        ["accounts", "create", "ann", "--daily-bytes", "much"],
        ["upload"],
        ["upload", "/nowhere/at-all", "--collection", "inbox"],
        ["upload", __file__],
        ["upload", __file__, "--collection", "inbox"],  # no key
    ],
)
def test_wrong_usage_ends_with_2(cimaise: Cimaise, arguments: list[str]):
    result = cimaise(*arguments)
    assert result.exit_code == 2
    assert "Error:" in result.stderr


def test_the_version_is_told(cimaise: Cimaise):
    assert cimaise("--version").output.startswith("cimaise, version ")


def test_help_loads_nothing_heavy():
    code = f"import sys, cimaise.cli; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_it_runs_as_a_module():
    result = subprocess.run(
        [sys.executable, "-m", "cimaise", "--version"], capture_output=True, text=True
    )
    assert result.stdout.startswith("cimaise, version ")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CIMAISE_DATABASE_URL", "mysql://a/b", "expected postgresql://"),
        ("CIMAISE_DATABASE_URL", "nonsense", "CIMAISE_DATABASE_URL"),
        ("CIMAISE_STORAGE_URL", "gopher:x", "CIMAISE_STORAGE_URL"),
        ("CIMAISE_DATA_DIR", "/dev/null/data", "data folder"),
    ],
)
def test_what_the_settings_name_and_cannot_be_is_one_clear_line(
    cimaise: Cimaise, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
):
    monkeypatch.setenv(variable, value)
    result = cimaise("accounts", "list")
    assert result.exit_code == 1
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
