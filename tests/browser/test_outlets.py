"""Albums in pages of other sites, and in a IIIF viewer that was not written for us."""

import hashlib
import http.server
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PICTURES
from tests.kit.application import RunningApplication
from tests.kit.backends import left_out

MIRADOR = "mirador@3.4.3"
MIRADOR_SHA512 = "c87a2e834307cb87bd6a9ca46db0612bee0299b6"  # its beginning

ELEMENT = """<!doctype html><title>Somebody else's page</title>
<script type="module" src="{site}/embed.js"></script>
<cimaise-gallery album="long" limit="6"><p>Pictures of long</p></cimaise-gallery>
<cimaise-gallery album="absent" src="{site}"><p>Nothing yet</p></cimaise-gallery>
<iframe src="{site}/embed/long" width="600" height="400" title="long"></iframe>"""

VIEWER = """<!doctype html><title>A viewer</title><div id="viewer" style="position:fixed;inset:0"></div>
<script src="mirador.min.js"></script>
<script>
  Mirador.viewer({{ id: "viewer", windows: [{{ manifestId: "{site}/api/albums/long/manifest" }}] }});
</script>"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Another site: its origin, and the folder of its pages."""
    folder = tmp_path_factory.mktemp("elsewhere")
    handler = partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}", folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_the_element_hangs_an_album_in_a_page_of_another_site(
    window: Page, site: RunningApplication, elsewhere: tuple[str, Path]
) -> None:
    origin, folder = elsewhere
    (folder / "page.html").write_text(ELEMENT.format(site=site.url))
    faults: list[str] = []
    window.on("pageerror", lambda fault: faults.append(str(fault)))
    window.goto(f"{origin}/page.html")
    pictures = window.locator("cimaise-gallery[album=long] img")
    expect(pictures).to_have_count(6)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0
    link = window.locator("cimaise-gallery[album=long] a").first
    assert link.get_attribute("href") == f"{site.url}/gallery/long"
    expect(window.get_by_text("Nothing yet")).to_be_visible()
    frame = window.frame_locator("iframe")
    expect(frame.locator(".wall img").first).to_be_visible()
    assert faults == []


def test_the_gallery_s_own_page_is_framed_by_nobody(
    window: Page, site: RunningApplication, elsewhere: tuple[str, Path]
) -> None:
    origin, folder = elsewhere
    (folder / "frame.html").write_text(f'<iframe src="{site.url}/gallery/long"></iframe>')
    window.goto(f"{origin}/frame.html")
    expect(window.frame_locator("iframe").locator(".wall")).to_have_count(0)


@pytest.fixture(scope="module")
def mirador(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The viewer, as its makers publish it."""
    if shutil.which("npm") is None:
        left_out("npm is not installed")
    folder = tmp_path_factory.mktemp("mirador")
    done = subprocess.run(
        ["npm", "pack", MIRADOR, "--silent"], cwd=folder, capture_output=True, timeout=300
    )
    if done.returncode:
        left_out("mirador cannot be had from npm")
    packed = next(folder.glob("*.tgz"))
    assert hashlib.sha512(packed.read_bytes()).hexdigest().startswith(MIRADOR_SHA512)
    with tarfile.open(packed) as archive:
        member = archive.extractfile("package/dist/mirador.min.js")
        assert member is not None
        return member.read()


@pytest.mark.slow
def test_a_real_viewer_opens_the_manifest_and_zooms_by_its_service(
    window: Page, site: RunningApplication, elsewhere: tuple[str, Path], mirador: bytes
) -> None:
    origin, folder = elsewhere
    (folder / "mirador.min.js").write_bytes(mirador)
    (folder / "viewer.html").write_text(VIEWER.format(site=site.url))
    answers: dict[str, int] = {}
    window.on("response", lambda one: answers.update({one.url: one.status}))
    window.goto(f"{origin}/viewer.html")
    expect(window.get_by_text("long", exact=True).first).to_be_visible()
    expect(window.get_by_text(f"1 of {PICTURES}")).to_be_visible()
    expect(window.locator("canvas").first).to_be_visible()
    window.get_by_role("button", name="Next item").click()
    expect(window.get_by_text(f"2 of {PICTURES}")).to_be_visible()
    window.wait_for_load_state("networkidle")
    ours = {url: status for url, status in answers.items() if url.startswith(site.url)}
    assert any(url.endswith("/info.json") for url in ours)
    assert any("/iiif/3/" in url and "/default." in url for url in ours)
    assert set(ours.values()) <= {200, 304}, ours
