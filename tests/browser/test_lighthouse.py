"""The gallery's page as Lighthouse sees it on a phone: sixty photographs' worth of tiles."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import NewVisitor
from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import left_out
from tests.kit.lighthouse import Lighthouse, MissingError
from tests.kit.pictures import quadrants

SIZES: Final = ((1600, 1200), (1200, 1600), (1800, 600), (1500, 1000))
PICTURES: Final = 60
MOST_BEFORE_BYTES: Final = 12_000  # styles and scripts, as they are sent
MOST_DOCUMENT_BYTES: Final = 12_000
MOST_ELEMENTS: Final = 300

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
    try:
        lighthouse = Lighthouse(tmp_path_factory.mktemp("lighthouse"))
    except MissingError as fault:
        left_out(str(fault))
    return lighthouse.visit(f"{walk.url}/gallery/walk")


@pytest.mark.parametrize("category", ["accessibility", "best-practices", "seo"])
def test_lighthouse_has_nothing_to_say(report: dict[str, Any], category: str) -> None:
    told = report["categories"][category]
    lost = [one["id"] for one in told["auditRefs"] if report["audits"][one["id"]]["score"] == 0]
    assert (told["score"], lost) == (1, [])


# Of the audits of speed those that hang on what the page is, not on how fast this machine is.
LASTING: Final = (
    "cache-insight", "cls-culprits-insight", "duplicated-javascript-insight",
    "font-display-insight", "lcp-discovery-insight", "legacy-javascript-insight",
    "third-parties-insight", "viewport-insight", "efficient-animated-content", "lcp-lazy-loaded",
    "modern-image-formats", "no-document-write", "redirects", "total-byte-weight",
    "unminified-css", "unminified-javascript", "unsized-images", "unused-css-rules",
    "unused-javascript", "uses-long-cache-ttl", "uses-passive-event-listeners",
    "uses-text-compression",
)  # fmt: skip


def test_whatever_makes_pages_slow_is_not_there(report: dict[str, Any]) -> None:
    assert {name: report["audits"][name]["score"] for name in LASTING} == dict.fromkeys(LASTING, 1)


def test_what_the_first_paint_waits_for_is_light_and_named_by_the_page(
    report: dict[str, Any],
) -> None:
    """Two style sheets and the choice of colours, asked for at once; nothing asks for more."""
    requests = report["audits"]["network-requests"]["details"]["items"]
    needed = [one for one in requests if one["resourceType"] in ("Stylesheet", "Script")]
    assert len([one for one in needed if one["resourceType"] == "Stylesheet"]) == 2
    assert len([one for one in needed if one["resourceType"] == "Script"]) == 2
    assert sum(one["transferSize"] for one in needed) <= MOST_BEFORE_BYTES
    (tree,) = (
        one["value"]["chains"]
        for one in report["audits"]["network-dependency-tree-insight"]["details"]["items"]
        if one.get("value", {}).get("type") == "network-tree"
    )
    below = [child for page in tree.values() for child in page["children"].values()]
    assert [child["url"] for child in below if child["children"]] == []


def test_a_page_of_sixty_is_few_bytes_before_its_pictures(report: dict[str, Any]) -> None:
    requests = report["audits"]["network-requests"]["details"]["items"]
    (page,) = (one for one in requests if one["resourceType"] == "Document")
    assert page["transferSize"] <= MOST_DOCUMENT_BYTES
    assert report["audits"]["dom-size"]["numericValue"] <= MOST_ELEMENTS


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
