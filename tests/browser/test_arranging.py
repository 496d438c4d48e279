"""Hanging a collection in a real browser: dragged, by keyboard, and without script."""

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor, Visitor
from tests.browser.test_accessibility import findings
from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants

_numbers = itertools.count(1)


@pytest.fixture
def table(site: RunningApplication, ann: Person) -> Iterator[str]:
    """A collection of five pictures, the newest ``e.png`` first."""
    name = f"table-{next(_numbers)}"
    picture = bytes(quadrants(160, 120).write_to_buffer(".png"))
    with site.client(ann) as client:
        client.post("/api/collections", json={"name": name, "visibility": "public"})
        for letter in "abcde":
            client.put(f"/api/collections/{name}/files/{letter}.png", content=picture)
        yield name


def on_the_wall(site: RunningApplication, name: str) -> str:
    """As the album is shown to others."""
    with site.client() as guest:
        images = guest.get(f"/api/albums/{name}").json()["images"]
    return "".join(one["name"][0] for one in images)


def on_the_table(page: Page) -> str:
    """As the page shows it."""
    found: list[str] = page.eval_on_selector_all(
        "[data-piece]", "all => all.map(one => one.dataset.name[0])"
    )
    return "".join(found)


def opened(visitor: NewVisitor, ann: Person, table: str, **how: object) -> Visitor:
    tall = {"width": 1280, "height": 1400}
    window = visitor(**{"reduced_motion": "reduce", "viewport": tall} | how)
    window.sign_in(ann)
    window.page.goto(f"/gallery/{table}/arrange")
    return window


def drag(page: Page, letter: str, to: str, *, is_behind: bool = True, let_go: bool = True) -> None:
    """By the mouse, from the middle of a picture to one half of another."""
    start = page.locator(f"[data-name='{letter}.png'] .print").bounding_box()
    end = page.locator(f"[data-name='{to}.png'] .print").bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    share = 0.8 if is_behind else 0.2
    page.mouse.move(end["x"] + end["width"] * share, end["y"] + end["height"] / 2, steps=8)
    if let_go:
        page.mouse.up()


def test_a_picture_is_dragged_and_hangs_there_for_everybody(
    visitor: NewVisitor, site: RunningApplication, ann: Person, table: str
) -> None:
    window = opened(visitor, ann, table)
    page = window.page
    with page.expect_response("**/arrange/*"):
        drag(page, "d", "a")
    expect(page.locator("[data-arranged]")).to_have_text("d.png hangs at place 5.")
    assert on_the_table(page) == on_the_wall(site, table) == "ecbad"
    with page.expect_response("**/arrange/*"):
        drag(page, "a", "e", is_behind=False)
    expect(page.locator("[data-arranged]")).to_have_text("a.png hangs at place 1.")
    page.reload()
    assert on_the_table(page) == on_the_wall(site, table) == "aecbd"
    window.assert_clean()


def test_escape_ends_a_drag_as_if_it_had_not_begun(
    visitor: NewVisitor, site: RunningApplication, ann: Person, table: str
) -> None:
    window = opened(visitor, ann, table)
    page = window.page
    drag(page, "e", "b", let_go=False)
    assert on_the_table(page) != "edcba"
    page.keyboard.press("Escape")
    page.mouse.up()
    assert on_the_table(page) == on_the_wall(site, table) == "edcba"
    window.assert_clean()


def test_a_drag_that_the_server_refuses_is_taken_back_and_said(
    visitor: NewVisitor, site: RunningApplication, ann: Person, table: str
) -> None:
    page = opened(visitor, ann, table).page
    page.context.clear_cookies()
    drag(page, "e", "b")
    expect(page.get_by_role("alert")).to_have_text("Sign in first.")
    assert on_the_table(page) == on_the_wall(site, table) == "edcba"


def test_a_finger_drags_by_the_grip_and_scrolls_everywhere_else(
    visitor: NewVisitor, site: RunningApplication, ann: Person, table: str
) -> None:
    size = {"width": 360, "height": 1500}
    window = opened(visitor, ann, table, has_touch=True, viewport=size)
    page = window.page
    session = page.context.new_cdp_session(page)

    def touch(letter: str, part: str, by: int) -> None:
        box = page.locator(f"[data-name='{letter}.png'] {part}").bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind, at in (("touchStart", y), *(("touchMove", y + by * n / 6) for n in range(1, 7))):
            session.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": at}]}
            )
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    page.locator("[data-name='e.png']").scroll_into_view_if_needed()
    with page.expect_response("**/arrange/*"):
        touch("e", "[data-grip]", 620)
    expect(page.locator("[data-arranged]")).to_have_text("e.png hangs at place 2.")
    assert on_the_wall(site, table) == "decba"
    touch("e", "img", -200)
    assert on_the_table(page) == "decba"
    window.assert_clean()


def test_the_keyboard_does_all_that_a_drag_does_and_keeps_its_place(
    visitor: NewVisitor, site: RunningApplication, ann: Person, table: str
) -> None:
    window = opened(visitor, ann, table)
    page = window.page
    later = page.get_by_role("button", name="Hang e.png later")
    later.focus()
    said = page.locator("[data-arranged]")
    for place in (2, 3):
        page.keyboard.press("Enter")
        expect(said).to_have_text(f"e.png hangs at place {place}.")
        expect(later).to_be_focused()
    assert on_the_wall(site, table) == "dceba"
    page.get_by_role("button", name="Hang a.png to the start").press("Enter")
    expect(said).to_have_text("a.png hangs at place 1.")
    page.get_by_role("button", name="Hang d.png to the end").press("Enter")
    expect(said).to_have_text("d.png hangs at place 5.")
    assert on_the_table(page) == on_the_wall(site, table) == "acebd"
    window.assert_clean()


def test_without_script_every_step_is_a_form(
    visitor: NewVisitor, site: RunningApplication, ann: Person, table: str
) -> None:
    page = opened(visitor, ann, table, java_script_enabled=False).page
    expect(page.locator("[data-grip]").first).to_be_hidden()
    page.get_by_role("button", name="Hang a.png to the start").click()
    page.get_by_role("button", name="Hang e.png later").click()
    assert on_the_wall(site, table) == "adecb"
    piece = page.locator("[data-name='a.png']")
    piece.locator("summary").first.click()
    piece.get_by_label("Title").fill("Dawn")
    piece.get_by_role("button", name="Save").click()
    expect(page.locator("main > .notice").first).to_have_text("Saved.")
    piece = page.locator("[data-name='b.png']")
    piece.locator("summary").first.click()
    piece.locator("summary").last.click()
    piece.get_by_role("button", name="Delete for good").click()
    assert on_the_wall(site, table) == "adec"
    page.get_by_role("link", name="To the gallery").click()
    expect(page.locator(".caption").first).to_have_text("Dawn")
    expect(page.locator(".sorts a[aria-current]")).to_have_text("As hung")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_pictures_are_hung(
    visitor: NewVisitor, ann: Person, table: str, scheme: str
) -> None:
    window = opened(visitor, ann, table, color_scheme=scheme, viewport={"width": 360, "height": 740})  # fmt: skip
    page = window.page
    assert findings(page) == []
    for summary in page.locator("summary:visible").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert findings(page) == []
    window.assert_clean()
