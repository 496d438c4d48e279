"""Sending files from the upload page of a real browser."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cimaise.settings.sections import MB
from tests.browser.conftest import NewVisitor
from tests.kit.application import Person, RunningApplication

SIZE = 12 * MB
SLOW = 4 * MB  # bytes a second


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """12 MB that nobody can take for something else."""
    file = tmp_path / "film.bin"
    block = hashlib.sha256(b"film").digest()
    file.write_bytes(b"\x01\x02" + block * ((SIZE - 2) // len(block)) + b"\x00" * ((SIZE - 2) % 32))
    return file


def slow_down(page: Page, bytes_a_second: int) -> None:
    """Let no more than so much out; -1 for no limit."""
    session = page.context.new_cdp_session(page)
    how: dict[str, Any] = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", how | {"uploadThroughput": bytes_a_second})


def watch_puts(page: Page) -> list[str]:
    """Every PUT from now on."""
    seen: list[str] = []
    page.on(
        "request", lambda request: seen.append(request.url) if request.method == "PUT" else None
    )
    return seen


def assert_stored(site: RunningApplication, ann: Person, page: Page, film: Path) -> None:
    """The file behind the link is the file that was sent."""
    path = page.locator("[data-name] a").get_attribute("href")
    assert path is not None
    with site.client(ann) as client:
        body = client.get(path).content
    assert hashlib.sha256(body).digest() == hashlib.sha256(film.read_bytes()).digest()


def test_a_file_in_parts_with_progress(
    visitor: NewVisitor, site: RunningApplication, ann: Person, film: Path
) -> None:
    window = visitor()
    window.sign_in(ann)
    page = window.page
    page.goto("/upload?collection=inbox")
    puts = watch_puts(page)
    slow_down(page, SLOW)
    page.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => {
            const bar = document.querySelector("[data-bar]");
            if (bar) window.seen.push(bar.value);
          }).observe(document.body, {subtree: true, childList: true, characterData: true});
        }"""
    )
    page.set_input_files("#file", film)
    expect(page.locator("[data-status]")).to_contain_text("Sending")
    expect(page.locator("[data-status]")).to_contain_text("Published")
    assert len(puts) == 3
    seen = page.evaluate("window.seen")
    assert len({round(value, 2) for value in seen}) > 5, "moves by bytes, not by parts"
    assert seen[-1] == 1
    expect(page.locator("[data-announce]")).to_have_text("film.bin is published. 1 of 1 done.")
    assert_stored(site, ann, page, film)
    window.assert_clean()


def test_pause_reload_and_go_on_with_what_is_missing(
    visitor: NewVisitor, site: RunningApplication, ann: Person, film: Path
) -> None:
    window = visitor()
    window.sign_in(ann)
    page = window.page
    page.goto("/upload?collection=inbox")
    slow_down(page, SLOW)
    with page.expect_response(lambda answer: "/storage/" in answer.url and answer.ok):
        page.set_input_files("#file", film)
    page.get_by_role("button", name="Pause film.bin").click()
    expect(page.locator("[data-status]")).to_contain_text("Paused")
    page.reload()
    expect(page.locator("[data-unfinished] li")).to_contain_text("film.bin · 12.0 MB · inbox")
    slow_down(page, -1)
    puts = watch_puts(page)
    page.set_input_files("#file", film)
    expect(page.locator("[data-status]")).to_contain_text("Published")
    assert 1 <= len(puts) < 3
    expect(page.locator("[data-unfinished]")).to_be_hidden()
    assert_stored(site, ann, page, film)
    window.assert_clean()


def test_a_pause_in_the_middle_and_on_again(
    visitor: NewVisitor, site: RunningApplication, ann: Person, film: Path
) -> None:
    window = visitor()
    window.sign_in(ann)
    page = window.page
    page.goto("/upload?collection=inbox")
    slow_down(page, SLOW)
    page.set_input_files("#file", film)
    expect(page.locator("[data-status]")).to_contain_text("Sending")
    page.get_by_role("button", name="Pause film.bin").click()
    page.get_by_role("button", name="Go on film.bin").click()
    slow_down(page, -1)
    expect(page.locator("[data-status]")).to_contain_text("Published")
    assert_stored(site, ann, page, film)
    window.assert_clean()


def test_cancelling_frees_what_was_sent_and_leaving_in_between_asks_first(
    visitor: NewVisitor, ann: Person, site: RunningApplication, film: Path
) -> None:
    window = visitor()
    window.sign_in(ann)
    page = window.page
    page.goto("/upload?collection=inbox")
    slow_down(page, SLOW)
    page.set_input_files("#file", film)
    expect(page.locator("[data-status]")).to_contain_text("Sending")
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.locator("h1").click()  # browsers ask only who has touched the page
    page.evaluate("setTimeout(() => location.assign('/'))")
    expect(page.locator("[data-status]")).to_contain_text("Sending")
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
        page.get_by_role("button", name="Cancel film.bin").click()
    assert deleted.value.status == 204
    expect(page.locator("[data-uploads]")).to_be_hidden()
    assert asked == ["beforeunload"]
    with site.client(ann) as client:
        latest = client.get("/api/uploads").json()["uploads"][0]
    assert latest["state"] == "aborted"
    window.assert_clean()


def test_many_files_and_one_that_is_empty(visitor: NewVisitor, ann: Person) -> None:
    window = visitor()
    window.sign_in(ann)
    page = window.page
    page.goto("/upload?collection=inbox")
    files: list[Any] = [
        {"name": f"n{number}.txt", "mimeType": "text/plain", "buffer": b"words" * number}
        for number in range(6)
    ]
    page.set_input_files("#file", files)
    expect(page.locator("[data-total]")).to_contain_text("5 of 6 files · 1 failed")
    expect(page.locator("[data-upload-list] > li[data-state=failed]")).to_contain_text("empty")
    window.assert_clean()


def test_a_signed_address_under_another_name_of_this_machine_is_reached(
    visitor: NewVisitor, ann: Person, site: RunningApplication, film: Path
) -> None:
    window = visitor()
    other = site.url.replace("127.0.0.1", "localhost")
    page = window.page
    page.goto(f"{other}/login?by=key&next=/upload")
    page.fill("#key", ann.key)
    page.click("main button")
    page.wait_for_url("**/upload")
    page.set_input_files("#file", film)
    expect(page.locator("[data-status]")).to_contain_text("Published")
    assert window.faults == []
