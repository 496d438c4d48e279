"""Commands of ours as processes of their own, beside a server or without one."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def command(data_dir: Path, *words: str, environment: Mapping[str, str] | None = None) -> str:
    """Run ``cimaise WORDS`` on the data; gives its standard output. It has to exit with 0."""
    line = [sys.executable, "-m", "cimaise", *words, "--data-dir", str(data_dir)]
    done = subprocess.run(
        line, env=os.environ | (environment or {}), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
