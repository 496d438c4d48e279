"""Pictures that do not come: said in words, in their own place, without a sign of the browser's."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.test_accessibility import findings

ALBUM = "/gallery/%C3%89t%C3%A9%20&%20co"
BOXES = """images => images.map(one => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x, y, width, height].map(Math.round);
})"""
SAID = "image => getComputedStyle(image.parentElement, '::after').content"


def cut_pictures(page: Page) -> None:
    page.route("**/*width=*", lambda route: route.abort())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_that_does_not_come_is_one_that_shows_nothing_below_words(
    visitor: NewVisitor, scheme: str
) -> None:
    page = visitor(color_scheme=scheme, viewport={"width": 1400, "height": 900}).page
    page.goto(ALBUM)
    page.wait_for_load_state("networkidle")
    images = page.locator("main img")
    before, names = images.evaluate_all(BOXES), images.evaluate_all("all => all.map(a => a.alt)")
    cut_pictures(page)
    page.reload()
    for image in images.all():
        expect(image).to_have_attribute("data-broken", "")
        expect(image).to_have_attribute("src", re.compile("^data:image/gif"))
        image.evaluate("one => one.decode()")  # fails where it is none
    assert images.evaluate_all(BOXES) == before
    assert images.evaluate_all("all => all.map(a => a.alt)") == names
    assert "Cannot be shown" in images.first.evaluate(SAID)
    assert findings(page) == []


def test_without_script_the_words_are_there_as_well(visitor: NewVisitor) -> None:
    page = visitor(java_script_enabled=False).page
    cut_pictures(page)
    page.goto(ALBUM)
    image = page.locator("main img").first
    expect(image).to_be_visible()
    assert "Cannot be shown" in image.evaluate("one => getComputedStyle(one, '::after').content")


def test_pictures_that_come_have_no_words_over_them(visitor: NewVisitor) -> None:
    page = visitor().page
    page.goto(ALBUM)
    page.wait_for_load_state("networkidle")
    assert page.locator("[data-broken]").count() == 0
    assert page.locator("main img").first.evaluate(SAID) == "none"
