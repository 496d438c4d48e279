"""Making, opening and deleting a collection in a real browser, with and without script."""

import itertools

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.test_accessibility import findings
from tests.kit.application import Person, RunningApplication

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def eva(site: RunningApplication) -> Person:
    """Somebody who is let in."""
    return site.person("eva")


def make(page: Page) -> str:
    """From the account's page on; gives the title."""
    title = f"Été {next(_numbers)}"
    page.goto("/me")
    page.get_by_role("link", name="New collection").click()
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Make the collection").click()
    expect(page.get_by_role("status")).to_have_text("The collection is made.")
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    return title


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
def test_a_collection_is_made_opened_to_somebody_and_deleted(
    visitor: NewVisitor, ann: Person, eva: Person, has_script: bool
) -> None:
    window = visitor(java_script_enabled=has_script)
    window.sign_in(ann)
    page = window.page
    title = make(page)
    page.get_by_label("Account").fill(eva.name)
    page.get_by_label("Role", exact=True).select_option("contributor")
    page.get_by_role("button", name="Let in").click()
    expect(page.get_by_label(f"Role of {eva.name}")).to_have_value("contributor")
    page.get_by_role("button", name=f"Remove {eva.name}").click()
    expect(page.get_by_role("status")).to_contain_text("Removed.")
    page.get_by_role("link", name="Delete the collection").click()
    page.get_by_role("button", name="Delete it for good").click()
    expect(page.get_by_role("status")).to_have_text("The collection is deleted.")
    expect(page.get_by_role("link", name=title, exact=True)).to_have_count(0)
    window.assert_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_a_collection_is_described(
    visitor: NewVisitor, ann: Person, eva: Person, scheme: str
) -> None:
    window = visitor(color_scheme=scheme, reduced_motion="reduce")
    window.sign_in(ann)
    page = window.page
    make(page)
    page.get_by_label("Account").fill(eva.name)
    page.get_by_role("button", name="Let in").click()
    page.locator("summary").click()
    assert findings(page) == []
    page.get_by_label("Account").fill("nobody")
    page.get_by_role("button", name="Let in").click()
    expect(page.get_by_role("alert")).to_have_text("There is no such account.")
    assert findings(page) == []
    page.goto(page.url.removesuffix("/members"))
    page.get_by_role("link", name="Delete the collection").click()
    assert findings(page) == []
