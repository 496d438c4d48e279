"""The systemd unit: understood by systemd, and as closed as it says."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kit.backends import left_out

UNIT = Path(__file__).resolve().parents[2] / "deploy/systemd/cimaise.service"
ABSENT = "systemd-analyze is not installed: install the package systemd"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that every machine has."""
    if shutil.which("systemd-analyze") is None:
        left_out(ABSENT)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/cimaise/bin/cimaise serve", "/bin/true serve"))
    return copy


def analyze(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60)


def test_systemd_understands_every_line(unit: Path):
    done = analyze("verify", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_is_exposed_to_little(unit: Path):
    done = analyze("security", "--offline=true", "--no-pager", "--threshold=20", unit)  # of 100
    assert done.returncode == 0, done.stdout[-2000:]
