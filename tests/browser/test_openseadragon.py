"""An unmodified OpenSeadragon, on a page of another origin, zooms into a picture of ours."""

import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import left_out
from tests.kit.pictures import quadrants

SOURCES = Path(__file__).parent / "iiif"
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
PAGE = """<!doctype html><meta charset="utf-8"><title>Viewer</title>
<style>html, body, #viewer { height: 100%; margin: 0; background: #888 }</style>
<div id="viewer"></div><script src="openseadragon.js"></script>"""
OPEN = """(source) => new Promise((resolve, reject) => {
  window.viewer = OpenSeadragon({
    id: "viewer", tileSources: [source], crossOriginPolicy: "Anonymous", drawer: "canvas",
    showNavigationControl: false, animationTime: 0, immediateRender: true,
  });
  viewer.addHandler("open-failed", (event) => reject(new Error(event.message)));
  viewer.addHandler("tile-load-failed", (event) => reject(new Error(event.message)));
  viewer.addHandler("open", () => resolve(viewer.world.getItemAt(0).getContentSize().toString()));
})"""
SHOWN = "() => viewer.world.getItemAt(0).getFullyLoaded()"
SEEN = """([x, y, colour]) => {
  const canvas = viewer.drawer.canvas;
  const at = (share, length) => Math.min(length - 1, Math.floor(share * length));
  const pixel = canvas.getContext("2d").getImageData(
    at(x, canvas.width), at(y, canvas.height), 1, 1);
  const bits = Array.from(pixel.data.slice(0, 3), (band) => (band > 200 ? 1 : 0)).join("");
  return { "100": "red", "010": "green", "001": "blue", "111": "white" }[bits] === colour;
}"""
ZOOM = """([x, y, side]) => {
  viewer.viewport.fitBounds(new OpenSeadragon.Rect(x, y, side, side), true);
  viewer.forceRedraw();
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    """A server with one picture of 12 megapixels."""
    data_dir = tmp_path_factory.mktemp("pictures")
    folder = data_dir / "albums" / "walk"
    folder.mkdir(parents=True)
    (folder / "one.jpg").write_bytes(quadrants(4000, 3000).write_to_buffer(".jpg", Q=90))
    with running_application(data_dir) as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    """The viewer's page, from a server that has nothing else."""
    if not (shutil.which("node") and shutil.which("npm")):
        left_out("node and npm are not installed")
    folder = tmp_path_factory.mktemp("viewer")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / name, folder)
    installed = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True)
    if installed.returncode:
        left_out(f"OpenSeadragon cannot be installed: {installed.stderr[-300:]}")
    built = folder / "node_modules" / "openseadragon" / "build" / "openseadragon"
    shutil.copy(built / "openseadragon.min.js", folder / "openseadragon.js")
    (folder / "index.html").write_text(PAGE)

    def handler(*arguments: Any) -> _Quiet:
        return _Quiet(*arguments, directory=os.fspath(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        context = browser.new_context(viewport={"width": 800, "height": 600})
        opened = context.new_page()
        opened.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
        yield opened
        context.close()
        server.shutdown()
        thread.join(10)


@pytest.mark.slow
@pytest.mark.parametrize("version", [2, 3])
def test_a_viewer_zooms_from_the_whole_picture_into_its_corners(
    site: RunningApplication, page: Page, version: int
):
    page.reload()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    size = page.evaluate(OPEN, f"{site.url}/iiif/{version}/albums%2Fwalk%2Fone.jpg/info.json")
    assert size == "(4000,3000)"
    page.wait_for_function(SHOWN)
    for place, colour in {
        (0.25, 0.25): "red", (0.75, 0.25): "green", (0.25, 0.75): "blue", (0.75, 0.75): "white",
    }.items():  # fmt: skip
        page.wait_for_function(SEEN, arg=[*place, colour])
    page.evaluate(ZOOM, [0.9, 0.0, 0.1])  # in parts of the width: 400 pixels, not made smaller
    page.wait_for_function(SHOWN)
    page.wait_for_function(SEEN, arg=[0.5, 0.5, "green"])
    corner = [url for url in asked if "/3584,0,416,512/" in url]
    assert len(corner) == 1, asked
