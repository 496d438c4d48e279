"""The gallery's page as Lighthouse sees it on a phone: sixty photographs' worth of tiles."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import NewVisitor
from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import left_out
from tests.kit.pictures import quadrants

SOURCES: Final = Path(__file__).parent / "lighthouse"
INSTALL: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
SIZES: Final = ((1600, 1200), (1200, 1600), (1800, 600), (1500, 1000))
PICTURES: Final = 60

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    """A server with one album of sixty pictures."""
    data_dir = tmp_path_factory.mktemp("walk")
    folder = data_dir / "albums" / "walk"
    folder.mkdir(parents=True)
    bodies = [bytes(quadrants(*size).write_to_buffer(".jpg")) for size in SIZES]
    for number in range(PICTURES):
        (folder / f"{number:02}.jpg").write_bytes(bodies[number % len(bodies)])
    with running_application(data_dir) as running:
        yield running


@pytest.fixture(scope="module")
def report(
    walk: RunningApplication, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What Lighthouse says of it, with the settings that it has for phones."""
    if not (shutil.which("node") and shutil.which("npm")):
        left_out("node and npm are not installed")
    folder = tmp_path_factory.mktemp("lighthouse")
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    installed = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True)
    if installed.returncode:
        left_out(f"Lighthouse cannot be installed: {installed.stderr[-300:]}")
    command = [
        "node", "node_modules/lighthouse/cli/index.js", f"{walk.url}/gallery/walk", "--quiet",
        "--output=json", "--output-path=report.json",
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-quic",
    ]  # fmt: skip
    environment = os.environ | {"CHROME_PATH": shutil.which("chromium") or ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


@pytest.mark.parametrize("category", ["accessibility", "best-practices", "seo"])
def test_lighthouse_has_nothing_to_say(report: dict[str, Any], category: str) -> None:
    told = report["categories"][category]
    lost = [one["id"] for one in told["auditRefs"] if report["audits"][one["id"]]["score"] == 0]
    assert (told["score"], lost) == (1, [])


def test_nothing_moves_while_the_page_comes(report: dict[str, Any]) -> None:
    assert report["audits"]["cumulative-layout-shift"]["numericValue"] == 0


def test_the_largest_picture_is_fetched_at_once(report: dict[str, Any]) -> None:
    (checks,) = [
        one["items"]
        for one in report["audits"]["lcp-discovery-insight"]["details"]["items"]
        if one["type"] == "checklist"
    ]
    assert checks["eagerlyLoaded"]["value"]
    assert checks["requestDiscoverable"]["value"]


@pytest.mark.parametrize(("width", "most_px"), [(360, 500), (412, 500), (1280, 960)])
def test_no_tile_brings_a_picture_much_larger_than_it_is_shown(
    visitor: NewVisitor, walk: RunningApplication, width: int, most_px: int
) -> None:
    page = visitor(viewport={"width": width, "height": 800}, device_scale_factor=1.75).page
    page.goto(f"{walk.url}/gallery/walk")
    page.wait_for_load_state("networkidle")
    natural = page.eval_on_selector_all(
        "[data-wall] img",
        "all => all.filter(one => one.currentSrc).map(one => [one.naturalWidth, one.clientWidth])",
    )
    assert len(natural) >= 8
    assert max(one for one, _ in natural) <= most_px or all(
        one <= 3 * 1.75 * shown for one, shown in natural
    )
