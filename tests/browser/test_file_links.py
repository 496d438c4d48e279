"""Links to one file in a real browser: from the lightbox to the page, and there without script."""

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
        client.put(f"/api/collections/{name}/files/lake.png", content=picture).raise_for_status()
        yield name


def make_link(page: Page) -> str:
    """By the form, from one's files on; gives the address that the page tells."""
    page.goto("/me/files")
    page.get_by_role("link", name="Links to lake.png").first.click()
    page.get_by_label("Ends after", exact=True).fill("7")
    page.get_by_label("May be used").fill("1")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("status").first).to_have_text("The link is made.")
    return page.locator(".key").first.inner_text()


def test_without_script_a_link_is_made_used_and_taken_back(
    visitor: NewVisitor, ann: Person, album: str
) -> None:
    window, guest = visitor(java_script_enabled=False), visitor(java_script_enabled=False).page
    window.sign_in(ann)
    page = window.page
    address = make_link(page)
    assert page.get_by_role("button", name="Copy").count() == 0
    assert guest.request.get(address).status == 200
    page.reload()
    expect(page.locator("main")).to_contain_text("used up")
    page.locator("summary").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status")).to_contain_text("Taken back.")
    assert guest.request.get(address).status == 410
    window.assert_clean()


def test_the_lightbox_leads_those_who_manage_the_album_to_the_page(
    visitor: NewVisitor, ann: Person, album: str
) -> None:
    window = visitor(reduced_motion="reduce")
    window.sign_in(ann)
    page = window.page
    page.goto(f"/gallery/{album}")
    page.locator("[data-wall] a").first.click()
    page.get_by_role("button", name="Details (I)").click()
    page.get_by_role("complementary", name="Details").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Links to lake.png")).to_be_visible()
    page.go_back()
    expect(page.locator("[data-wall] a")).to_be_visible()
    window.assert_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_links_to_a_file_are_made(
    visitor: NewVisitor, ann: Person, album: str, scheme: str
) -> None:
    window = visitor(color_scheme=scheme, reduced_motion="reduce")
    window.sign_in(ann)
    make_link(window.page)
    assert findings(window.page) == []
    window.page.locator("summary").click()
    assert findings(window.page) == []
