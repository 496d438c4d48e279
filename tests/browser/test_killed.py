"""The upload page goes on after everything: its tab closed, the server killed, the storage killed."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cimaise.settings.knob import MB
from tests.kit.application import TLS
from tests.kit.backends import left_out
from tests.kit.mortal import COLLECTION, Mortal, mortal_server
from tests.kit.s3 import CannotStart

pytestmark = pytest.mark.slow
SIZE = 32 * MB
PARTS = 7
LANES = 4  # parts that the page sends at once
SLOW = 8 * MB  # bytes a second
PATIENCE_MS = 90_000


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """32 MB that nobody can take for something else."""
    file = tmp_path / "film.bin"
    block = hashlib.sha256(b"film").digest()
    file.write_bytes(b"\x01\x02" + block * (SIZE // len(block)))
    return file


@pytest.fixture(params=["disk", "s3"])
def mortal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mortal]:
    try:
        with mortal_server(tmp_path, on_s3=request.param == "s3") as made:
            yield made
    except CannotStart as fault:
        left_out(str(fault))


class Visitor:
    """Ann's browser. ``page`` is the tab that is open; ``puts`` are the parts that left it."""

    def __init__(self, browser: Browser, mortal: Mortal) -> None:
        self.context: BrowserContext = browser.new_context(base_url=mortal.url)
        self.context.set_default_timeout(PATIENCE_MS)
        self.puts: list[str] = []
        self.page = self.open_tab()
        self.page.goto("/login?by=key")
        self.page.fill("#key", mortal.key)
        self.page.click("main button")
        self.page.wait_for_url("**/")
        self.open_page()

    def open_tab(self) -> Page:
        """A new one."""
        page = self.context.new_page()
        page.on(
            "request",
            lambda request: self.puts.append(request.url) if request.method == "PUT" else None,
        )
        return page

    def open_page(self) -> None:
        """The upload page, in the tab."""
        self.page.goto(f"/upload?collection={COLLECTION}")

    def slow_down(self, bytes_a_second: int) -> None:
        """-1: as fast as it can."""
        session = self.context.new_cdp_session(self.page)
        how = {"offline": False, "latency": 0, "downloadThroughput": -1}
        session.send("Network.enable")
        speed = how | {"uploadThroughput": bytes_a_second}
        session.send("Network.emulateNetworkConditions", speed)

    def begin(self, film: Path) -> None:
        """Until a part has arrived and was noted: one more than go at once is on its way."""
        self.slow_down(SLOW)
        with self.page.expect_request(lambda one: one.method == "PUT" and len(self.puts) > LANES):
            self.page.set_input_files("#file", film)

    def expect(self, text: str) -> None:
        """What is said of the file."""
        expect(self.page.locator("[data-upload-list]")).to_contain_text(text, timeout=PATIENCE_MS)


@pytest.fixture
def visitor(browser: Browser, mortal: Mortal) -> Iterator[Visitor]:
    made = Visitor(browser, mortal)
    yield made
    made.context.close()


def assert_stored(mortal: Mortal, film: Path) -> None:
    """The one file of the collection is the film, and nothing else is counted."""
    headers = {"Authorization": f"Bearer {mortal.key}"}
    with httpx2.Client(base_url=mortal.url, headers=headers, verify=TLS, timeout=60) as client:
        (file,) = client.get(f"/api/collections/{COLLECTION}/files").json()["files"]
        body = client.get(file["original_url"], follow_redirects=True).content
        assert hashlib.sha256(body).digest() == hashlib.sha256(film.read_bytes()).digest()
        quota = client.get("/api/me").json()["quota"]
    assert (quota["total_used"], quota["daily_files_used"]) == (film.stat().st_size, 1)


def test_a_tab_that_was_closed_and_a_server_that_was_killed(
    visitor: Visitor, mortal: Mortal, film: Path
):
    visitor.begin(film)
    visitor.page.close()
    mortal.kill()
    mortal.start()
    sent = len(visitor.puts)
    visitor.page = visitor.open_tab()
    visitor.open_page()
    expect(visitor.page.locator("[data-unfinished] li")).to_contain_text("film.bin")
    visitor.page.set_input_files("#file", film)
    visitor.expect("Published")
    assert 1 <= len(visitor.puts) - sent < PARTS
    expect(visitor.page.locator("[data-unfinished]")).to_be_hidden()
    assert_stored(mortal, film)


def test_a_server_that_is_killed_and_comes_back(visitor: Visitor, mortal: Mortal, film: Path):
    visitor.begin(film)
    mortal.kill()
    if mortal.storage is None:
        visitor.expect("Trying again")
    mortal.start()
    visitor.slow_down(-1)
    visitor.expect("Published")
    assert_stored(mortal, film)


@pytest.mark.parametrize("mortal", ["s3"], indirect=True)
def test_a_storage_that_is_killed_and_comes_back(visitor: Visitor, mortal: Mortal, film: Path):
    visitor.begin(film)
    mortal.kill_storage()
    visitor.expect("Trying again")
    mortal.start_storage()
    visitor.slow_down(-1)
    visitor.expect("Published")
    assert_stored(mortal, film)


def test_a_file_that_was_changed_meanwhile_is_not_mixed_with_itself(
    visitor: Visitor, mortal: Mortal, film: Path
):
    visitor.begin(film)
    visitor.page.get_by_role("button", name="Pause film.bin").click()
    visitor.expect("Paused")
    with film.open("r+b") as stream:
        stream.seek(20 * MB)
        stream.write(b"other")
    os.utime(film, (2_000_000_000, 2_000_000_000))
    visitor.page.get_by_role("button", name="Go on film.bin").click()
    visitor.expect("changed")
    headers = {"Authorization": f"Bearer {mortal.key}"}
    with httpx2.Client(base_url=mortal.url, headers=headers, verify=TLS) as client:
        assert client.get(f"/api/collections/{COLLECTION}/files").json()["files"] == []
