"""A server with albums to look at, and Debian's browser to look with."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from cimaise.access.policy import Role
from cimaise.settings import Settings
from cimaise.settings.sections import MB
from cimaise.web.assets import asset_url
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.backends import left_out
from tests.kit.pictures import quadrants

PICTURES = 72
CAPTIONED = '[captions]\n"p00.jpg" = "First light"\n'


class Visitor:
    """A browser's window that remembers everything that went wrong in it."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.foreign: list[str] = []
        self._origin = origin
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        context.on("request", lambda request: self._look(request.url))

    def _note(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        if kind in ("error", "warning"):
            self.faults.append(f"{kind}: {text}")

    def _look(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and not url.startswith(self._origin):
            self.foreign.append(url)

    def sign_in(self, person: Person) -> None:
        """Through the form, as people do."""
        self.page.goto("/login?by=key")
        self.page.fill("#key", person.key)
        self.page.click("main button")
        self.page.wait_for_url("**/")

    def assert_clean(self) -> None:
        """No script failed, no policy was broken, nobody else was asked."""
        assert self.faults == []
        assert self.foreign == []


NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, once for a file: while it is open no asynchronous test can run in the process."""
    program = shutil.which("chromium")
    if program is None:
        left_out("chromium is not installed")
    if asset_url("gallery.js") is None:
        left_out("the browser's modules are not built: python hatch_build.py")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-quic", "--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    """Albums of folders, and uploads that are sent in parts from 5 MB on."""
    data_dir = tmp_path_factory.mktemp("site")
    hang_pictures(data_dir / "albums")

    def change(settings: Settings) -> Settings:
        uploads = replace(settings.uploads, single_max_bytes=5 * MB, part_bytes=5 * MB)
        return replace(settings, uploads=uploads)

    with running_application(data_dir, change) as running:
        yield running


def hang_pictures(albums: Path) -> None:
    """One album of two pages, one with an odd name and captions, one of a large picture."""
    long, odd, large = albums / "long", albums / "Été & co", albums / "large"
    large.mkdir(parents=True)
    (large / "p00.jpg").write_bytes(bytes(quadrants(3200, 2400).write_to_buffer(".jpg")))
    long.mkdir(parents=True)
    odd.mkdir()
    sizes = ((240, 160), (160, 240), (300, 100), (200, 200))
    bodies = [bytes(quadrants(*size).write_to_buffer(".jpg")) for size in sizes]
    for number in range(PICTURES):
        (long / f"p{number:02}.jpg").write_bytes(bodies[number % len(bodies)])
        os.utime(long / f"p{number:02}.jpg", (1_700_000_000 - number, 1_700_000_000 - number))
    for number in range(4):
        (odd / f"p{number:02}.jpg").write_bytes(bodies[number])
    (odd / "album.toml").write_text(CAPTIONED)


@pytest.fixture(scope="session")
def ann(site: RunningApplication) -> Person:
    """Somebody who uploads."""
    return site.person("ann")


@pytest.fixture(scope="session")
def root(site: RunningApplication) -> Person:
    """Somebody who runs the server."""
    return site.person("root", Role.ADMIN)


@pytest.fixture
def visitor(browser: Browser, site: RunningApplication) -> Iterator[NewVisitor]:
    """Windows of their own, with what is passed on to the browser's context."""
    contexts: list[BrowserContext] = []

    def open_window(**how: object) -> Visitor:
        contexts.append(browser.new_context(base_url=site.url, **how))  # type: ignore[arg-type]
        contexts[-1].set_default_timeout(15_000)
        return Visitor(contexts[-1], site.url)

    yield open_window
    for context in contexts:
        context.close()
