"""Sharing an album in a real browser: with script the address is copied, without it all works."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.test_accessibility import findings
from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection


@pytest.fixture
def album(site: RunningApplication, ann: Person) -> Iterator[str]:
    """A private collection of ann's with one picture."""
    picture = bytes(quadrants(160, 120).write_to_buffer(".png"))
    with site.client(ann) as client:
        name = make_collection(site, client, title="Lakes")
        client.put(f"/api/collections/{name}/files/a.png", content=picture).raise_for_status()
        yield name


def make_link(page: Page, album: str) -> str:
    """By the form, from the gallery on; gives the address that the page tells."""
    page.goto(f"/gallery/{album}")
    page.get_by_role("link", name="Share").click()
    page.get_by_label("Name").fill("For Eva")
    page.get_by_label("Ends after days").fill("7")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("status").first).to_have_text("The link is made.")
    return page.locator(".key").first.inner_text()


def test_without_script_a_link_is_made_used_and_taken_back(
    visitor: NewVisitor, ann: Person, album: str
) -> None:
    window, guest = visitor(java_script_enabled=False), visitor(java_script_enabled=False).page
    window.sign_in(ann)
    page = window.page
    address = make_link(page, album)
    assert page.get_by_role("button", name="Copy").count() == 0
    guest.goto(address)
    expect(guest.get_by_role("heading", name="Lakes")).to_be_visible()
    page.goto(f"/gallery/{album}/shares")
    expect(page.locator("main")).to_contain_text("opened 1 time")
    page.locator("summary").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status")).to_contain_text("Taken back.")
    assert guest.goto(address).status == 410  # type: ignore[union-attr]
    window.assert_clean()


@pytest.mark.parametrize("is_allowed", [True, False], ids=["clipboard", "selection"])
def test_a_button_copies_the_address(
    visitor: NewVisitor, ann: Person, album: str, is_allowed: bool
) -> None:
    window = visitor()
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not is_allowed:  # as on a page that came without TLS
        window.context.add_init_script("delete Navigator.prototype.clipboard")
    window.sign_in(ann)
    address = make_link(window.page, album)
    window.page.get_by_role("button", name="Copy the address of For Eva").click()
    expect(window.page.get_by_text("Copied", exact=True)).to_be_visible()
    window.page.get_by_label("Name").focus()
    window.page.keyboard.press("Control+V")
    assert window.page.get_by_label("Name").input_value() == address
    window.assert_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_links_are_made(
    visitor: NewVisitor, ann: Person, album: str, scheme: str
) -> None:
    window = visitor(color_scheme=scheme, reduced_motion="reduce")
    window.sign_in(ann)
    make_link(window.page, album)
    assert findings(window.page) == []
    window.page.locator("summary").click()
    assert findings(window.page) == []
