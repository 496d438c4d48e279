"""What pages weigh: scripts before the first touch, and all that is built for browsers."""

import gzip
import json
import re
from pathlib import Path
from typing import Final

import pytest

from cimaise.web.assets import asset_url
from tests.kit.application import RunningApplication
from tests.kit.backends import left_out
from tests.kit.pictures import quadrants

ROOT: Final = Path(__file__).parents[3]
DIST: Final = ROOT / "src/cimaise/web/static/dist"
MOST_SCRIPT: Final = 15_000  # bytes, packed, before anybody touches anything
MOST_BUILT: Final = 105_000  # bytes, packed: every script and style sheet
_IMPORTED: Final = re.compile(r'(?:from|import)\s*"\./([\w.-]+\.js)"')


def text_of(name: str) -> str:
    return gzip.decompress((DIST / f"{name}.gz").read_bytes()).decode()


def with_imports(name: str) -> set[str]:
    """A module and all that it imports at once; what it imports later stays out."""
    found, left = set[str](), [name]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += _IMPORTED.findall(text_of(one))
    return found


@pytest.mark.parametrize(
    "entry", ["gallery.js", "upload.js", "arrange.js", "copy.js", "element.js"]
)
def test_a_page_brings_little_script_before_the_first_touch(entry: str) -> None:
    if asset_url(entry) is None:
        left_out("the browser's modules are not built: python hatch_build.py")
    names = json.loads((DIST / "manifest.json").read_text())
    modules = with_imports(names[entry]) | with_imports(names["theme.js"])
    packed = {name: (DIST / f"{name}.gz").stat().st_size for name in modules}
    assert sum(packed.values()) <= MOST_SCRIPT, packed


def test_a_gallery_asks_for_one_module_and_not_for_one_behind_another() -> None:
    if asset_url("gallery.js") is None:
        left_out("the browser's modules are not built: python hatch_build.py")
    name = json.loads((DIST / "manifest.json").read_text())["gallery.js"]
    assert with_imports(name) == {name}


def test_what_is_large_comes_with_the_first_touch() -> None:
    if asset_url("gallery.js") is None:
        left_out("the browser's modules are not built: python hatch_build.py")
    names = json.loads((DIST / "manifest.json").read_text())
    at_once = with_imports(names["gallery.js"])
    assert not [name for name in at_once if name.startswith(("lightbox", "openseadragon"))]
    assert "lightbox" in text_of(names["gallery.js"])


def test_of_a_gallery_only_styles_and_the_choice_of_colours_hold_up_the_first_paint(
    server: RunningApplication,
) -> None:
    folder = server.application.settings.data.dir / "albums" / "light"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(12):
        (folder / f"{number}.jpg").write_bytes(quadrants(80, 60).write_to_buffer(".jpg"))
    with server.client() as client:
        page = client.get("/gallery/light", headers={"accept": "text/html"}).text
    blocking = re.findall(r"<script src=[^>]*>", page)
    assert all("/theme-" in one or "/theme.js" in one for one in blocking)
    assert len(blocking) <= 1
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) == 12
    assert 'fetchpriority="high"' in images[0]
    assert 'loading="lazy"' not in images[0]
    assert not [one for one in images[1:] if "fetchpriority" in one]
    assert all("loading=" in one for one in images[8:])
    assert all(re.search(r'width="\d+" height="\d+"', one) for one in images)


def test_all_that_is_built_for_browsers_is_small() -> None:
    if asset_url("gallery.js") is None:
        left_out("the browser's modules are not built: python hatch_build.py")
    sizes = {path.name: path.stat().st_size for path in DIST.glob("*.gz")}
    assert sum(sizes.values()) <= MOST_BUILT, sizes
    unpacked = [path.name for path in DIST.iterdir() if path.suffix in (".js", ".css")]
    assert unpacked == []
