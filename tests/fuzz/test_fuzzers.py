"""Every fuzzer of ``fuzz/`` for two seconds, so that none of them rots; ``make fuzz`` looks longer."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = sorted(path.stem for path in (ROOT / "fuzz").glob("*.py") if path.stem != "harness")
SHORT = ("-runs=20000", "-max_total_time=2", "-seed=1")
BROKEN = (
    "from fuzz.harness import fuzz; fuzz(lambda data: print(1 // (b'x' not in data)), [b'axb'])"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("atheris") is None, reason="no atheris for this Python or machine"),
]  # fmt: skip


def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words, *SHORT], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_fuzzer_runs_and_finds_nothing(target: str, tmp_path: Path):
    done = run("-m", f"fuzz.{target}", tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "DONE" in done.stderr


def test_a_fault_is_noticed_and_its_input_kept(tmp_path: Path):
    done = run("-c", BROKEN, tmp_path)
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stdout + done.stderr
    (kept,) = tmp_path.glob("failed-*")
    assert b"x" in kept.read_bytes()
    assert run("-c", BROKEN, kept).returncode != 0
    (tmp_path / "sound").write_bytes(b"a")
    assert run("-c", BROKEN, tmp_path / "sound").returncode == 0
