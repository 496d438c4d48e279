"""Folders on the upload page of a real browser: dropped with all that is in them, and chosen."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor, Visitor
from tests.kit.application import Person, RunningApplication

MANY = 130  # more than a browser's reader of folders gives at a time


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    """Files in folders in a folder, and what systems leave there."""
    folder = tmp_path / "trip"
    for place in ("a.txt", "day 2/b.txt", "day 10/c.txt", "day 2/deep/er/d é.txt"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(f"words of {place}")
    (folder / "empty").mkdir()
    for litter in (".DS_Store", "day 2/Thumbs.db", "day 10/.hidden"):
        (folder / litter).write_text("litter")
    return folder


@pytest.fixture
def window(visitor: NewVisitor, site: RunningApplication, ann: Person) -> Visitor:
    """The upload page."""
    opened = visitor()
    opened.sign_in(ann)
    opened.page.goto("/upload?collection=inbox")
    return opened


def drop(page: Page, *paths: Path) -> None:
    """As from the desktop."""
    session = page.context.new_cdp_session(page)
    box = page.locator("[data-drop]").bounding_box()
    assert box
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    at = {"x": box["x"] + 20, "y": box["y"] + 20, "data": data}
    session.send("Input.dispatchDragEvent", {"type": "dragEnter", **at})
    # a hand takes its time: until then the page may not have been given the files
    expect(page.locator("[data-drop][data-over]")).to_be_visible()
    for kind in ("dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at})


def listed(page: Page) -> list[str]:
    """As the page calls them."""
    return [
        text.strip() for text in page.locator("[data-upload-list] [data-name]").all_text_contents()
    ]


IN_ORDER = ["trip/a.txt", "trip/day 2/b.txt", "trip/day 2/deep/er/d é.txt", "trip/day 10/c.txt"]


def test_a_folder_is_dropped_with_all_that_is_in_it_but_no_litter(
    window: Visitor, site: RunningApplication, ann: Person, trip: Path, tmp_path: Path
) -> None:
    page = window.page
    (tmp_path / "beside.txt").write_text("words beside")
    drop(page, trip, tmp_path / "beside.txt")
    expect(page.locator("[data-total]")).to_contain_text("5 of 5 files")
    assert listed(page) == [*IN_ORDER, "beside.txt"]
    path = page.get_by_role("link", name="trip/day 2/deep/er/d é.txt").get_attribute("href")
    assert path is not None
    with site.client(ann) as client:
        record = client.get(f"/api{path}").json()
        assert record["filename"] == "d é.txt"
        assert client.get(path).text == "words of day 2/deep/er/d é.txt"
    window.assert_clean()


def test_a_folder_is_chosen_without_any_dragging(window: Visitor, trip: Path) -> None:
    page = window.page
    chooser = page.get_by_label("Choose a folder")
    chooser.focus()
    expect(chooser).to_be_focused()
    chooser.set_input_files(trip)
    expect(page.locator("[data-total]")).to_contain_text("4 of 4 files")
    assert sorted(listed(page)) == sorted(IN_ORDER)
    window.assert_clean()


def test_a_folder_without_files_is_said_to_have_none(window: Visitor, tmp_path: Path) -> None:
    (tmp_path / "nothing" / "in it").mkdir(parents=True)
    drop(window.page, tmp_path / "nothing")
    expect(window.page.locator("[data-announce]")).to_have_text("There is no file in it.")
    expect(window.page.locator("[data-uploads]")).to_be_hidden()
    window.assert_clean()


@pytest.mark.slow
def test_a_folder_of_many_files_comes_whole(window: Visitor, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number}.txt").write_text(f"words of {number}")
    drop(window.page, folder)
    total = window.page.locator("[data-total]")
    expect(total).to_contain_text(f"{MANY} of {MANY} files", timeout=120_000)
    assert listed(window.page) == [f"many/{number}.txt" for number in range(MANY)]
    window.assert_clean()


def test_without_script_no_folder_is_asked_for(visitor: NewVisitor, ann: Person) -> None:
    plain = visitor(java_script_enabled=False)
    plain.sign_in(ann)
    plain.page.goto("/upload")
    expect(plain.page.get_by_text("Choose a folder")).to_be_hidden()
