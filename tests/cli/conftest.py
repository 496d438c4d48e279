"""A command line without the settings of whoever runs the tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cimaise.cli import main

Cimaise = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CIMAISE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def cimaise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cimaise:
    """Runs a command line; its data folder is ``data`` of the test's folder."""
    monkeypatch.setenv("CIMAISE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run
