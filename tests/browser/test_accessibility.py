"""What axe finds on the pages: nothing. Rules of WCAG 2.2 at levels A and AA, and its best practices."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.kit.application import Person
from tests.kit.backends import left_out

AXE: Final = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
OPEN_TO_ALL: Final = (
    "/",
    "/gallery/long",
    "/gallery/%C3%89t%C3%A9%20&%20co",
    "/login",
    "/login?by=key",
    "/docs",
)
SIGNED_IN: Final = ("/upload", "/me", "/me/files", "/me/access", "/collections/new")
FOR_ADMINS: Final = (
    "/admin",
    "/admin/uploads",
    "/admin/accounts",
    "/admin/takedowns?file=/files/x",
    "/admin/webhooks",
    "/gallery/long/shares",
)
ABSENT: Final = "/gallery/nothing-of-that-name"

pytestmark = pytest.mark.slow


def findings(page: Page) -> list[str]:
    """Each finding as the rule and the elements it is about."""
    if not AXE.exists():
        left_out("axe-core is not installed: python hatch_build.py test")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document).then(({ violations }) => violations)")
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(visitor: NewVisitor, ann: Person, scheme: str) -> None:
    window = visitor(color_scheme=scheme, reduced_motion="reduce")
    page = window.page
    for path in (*OPEN_TO_ALL, ABSENT):
        page.goto(path)
        assert findings(page) == [], path
    window.sign_in(ann)
    for path in SIGNED_IN:
        page.goto(path)
        assert findings(page) == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_administrators_work(
    visitor: NewVisitor, root: Person, scheme: str
) -> None:
    window = visitor(color_scheme=scheme, reduced_motion="reduce")
    window.sign_in(root)
    for path in FOR_ADMINS:
        window.page.goto(path)
        assert findings(window.page) == [], path
    window.assert_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_open_lightbox(visitor: NewVisitor, scheme: str) -> None:
    page = visitor(color_scheme=scheme, reduced_motion="reduce").page
    page.goto("/gallery/%C3%89t%C3%A9%20&%20co?sort=name")
    page.locator("[data-wall] a").first.click()
    expect(page.locator(".pswp__counter")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("i")
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("JPEG")
    assert findings(page) == []


@pytest.mark.parametrize("width", [390, 1400])
def test_a_table_is_read_as_one_however_narrow_the_window(visitor: NewVisitor, width: int) -> None:
    window = visitor(viewport={"width": width, "height": 900})
    window.page.goto("/docs")
    tree = window.context.new_cdp_session(window.page).send("Accessibility.getFullAXTree")
    roles = Counter(node["role"]["value"] for node in tree["nodes"] if not node["ignored"])
    tables = window.page.locator("table").count()
    assert tables > 1
    parts = "table.folding, table.folding :is(thead, tbody, tr, th, td)"
    assert window.page.locator(f":is({parts}):not([role])").count() == 0  # Safari asks for them
    assert roles["table"] == tables
    assert roles["columnheader"] == 3 * tables
    assert roles["cell"] == 3 * (roles["row"] - tables)


def test_axe_finds_what_is_wrong(visitor: NewVisitor) -> None:
    page = visitor().page
    page.goto("/")
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert any(found.startswith("image-alt") for found in findings(page))
