"""Pictures that do not come: said in words, in their own place, without a sign of the browser's."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.test_accessibility import findings

BOXES = """images => images.map(one => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x, y, width, height].map(Math.round);
})"""
SAID = "image => getComputedStyle(image.parentElement, '::after').content"


def cut_pictures(page: Page) -> None:
    page.route("**/*width=*", lambda route: route.abort())


@pytest.mark.parametrize("path", ["/", "/gallery/%C3%89t%C3%A9%20&%20co"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_that_does_not_come_is_one_that_shows_nothing_below_words(
    visitor: NewVisitor, path: str, scheme: str
) -> None:
    page = visitor(color_scheme=scheme, viewport={"width": 1400, "height": 900}).page
    page.goto(path)
    page.wait_for_load_state("networkidle")
    images = page.locator("main img")
    before, names = images.evaluate_all(BOXES), images.evaluate_all("all => all.map(a => a.alt)")
    cut_pictures(page)
    page.reload()
    expect(page.locator("main img[data-broken]")).to_have_count(len(before))
    page.wait_for_function(
        "[...document.querySelectorAll('main img')].every(one => one.naturalWidth === 1)"
    )
    assert images.evaluate_all(BOXES) == before
    assert images.evaluate_all("all => all.map(a => a.alt)") == names
    assert "Cannot be shown" in images.first.evaluate(SAID)
    assert findings(page) == []


def test_without_script_the_words_are_there_as_well(visitor: NewVisitor) -> None:
    page = visitor(java_script_enabled=False).page
    cut_pictures(page)
    page.goto("/")
    image = page.locator("main img").first
    expect(image).to_be_visible()
    assert "Cannot be shown" in image.evaluate("one => getComputedStyle(one, '::after').content")


def test_pictures_that_come_have_no_words_over_them(visitor: NewVisitor) -> None:
    page = visitor().page
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert page.locator("[data-broken]").count() == 0
    assert page.locator("main img").first.evaluate(SAID) == "none"
