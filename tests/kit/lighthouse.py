"""Lighthouse, as its lock file has it, with the settings that it has for phones."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

_SOURCES: Final = Path(__file__).parents[1] / "browser" / "lighthouse"
_INSTALL: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")

_AGAIN: Final = "Please run Lighthouse again"
_MORE_VISITS: Final = 4


class MissingError(Exception):
    """What the machine lacks, in a sentence."""


class Lighthouse:
    """Installed into ``folder``. ``MissingError`` where that cannot be done."""

    def __init__(self, folder: Path) -> None:
        if not all(map(shutil.which, ("node", "npm", "chromium"))):
            raise MissingError("Lighthouse needs node, npm and chromium.")
        shutil.copytree(_SOURCES, folder, dirs_exist_ok=True)
        done = subprocess.run(_INSTALL, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MissingError(f"Lighthouse cannot be installed: {done.stderr[-300:]}")
        self._folder = folder

    def visit(self, url: str) -> dict[str, Any]:
        """Its report of a page. ``RuntimeError`` where it got none.

        On a machine that is busy the browser's trace may begin too late (NO_NAVSTART and its kin):
        then Lighthouse asks to be run again, which is done.
        """
        done = self._run(url)
        for _ in range(_MORE_VISITS):
            if not done.returncode or _AGAIN not in done.stderr:
                break
            done = self._run(url)
        if done.returncode:
            raise RuntimeError(f"Lighthouse failed: {done.stderr[-1000:]}")
        found: dict[str, Any] = json.loads((self._folder / "report.json").read_text())
        return found

    def _run(self, url: str) -> subprocess.CompletedProcess[str]:
        command = [
            "node", "node_modules/lighthouse/cli/index.js", url, "--quiet",
            "--output=json", "--output-path=report.json",
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-quic",
        ]  # fmt: skip
        environment = os.environ | {"CHROME_PATH": shutil.which("chromium") or ""}
        return subprocess.run(
            command, cwd=self._folder, env=environment, capture_output=True, text=True, check=False
        )
