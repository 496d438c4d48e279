"""What strangers upload runs nowhere: every hostile file, through every route, in real Chromium."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from playwright.sync_api import Browser, Dialog, Error, Page

from cimaise.library.serving_types import INLINE_TYPES
from cimaise.uploads.signatures.table import sniff
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.films import film
from tests.kit.hostile_files import PNG, Hostile, corpus
from tests.kit.planting import Seed, plant
from tests.kit.sending import make_collection, publish_file
from tests.kit.uvicorn_server import running_uvicorn

pytestmark = pytest.mark.slow
_EMBEDDED_AT_ONCE = 25


class Home:
    """Where a file calls when something in it ran; ``calls`` are the names of those that did."""

    def __init__(self) -> None:
        self.calls: set[str] = set()
        home = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                home.calls.add(unquote(self.path.rpartition("/")[2]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/ran"


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    home = Home()
    thread = threading.Thread(target=home.server.serve_forever)
    thread.start()
    yield home
    home.server.shutdown()
    home.server.server_close()
    thread.join(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    with running_application(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@dataclass(frozen=True)
class Published:
    """A hostile file, where it can be fetched from."""

    file: Hostile
    id: str
    paths: tuple[str, ...]
    is_claimed: bool


@pytest.fixture(scope="module", params=["as found", "as claimed"])
def published(
    request: pytest.FixtureRequest, server: RunningApplication, home: Home
) -> list[Published]:
    """All of them: in a collection, and in a folder under a picture's name.

    No gate has looked at them. "As found" they have the types that are found in their bytes; "as
    claimed" the records say what the senders wished.
    """
    is_claimed = request.param == "as claimed"
    ann: Person = server.person(f"ann-{is_claimed}".lower())
    album = server.application.settings.data.dir / "albums" / "hostile"
    album.mkdir(parents=True, exist_ok=True)
    found = []
    with server.client(ann) as client:
        collection = make_collection(server, client, visibility="public")
        for number, one in enumerate(corpus()):
            file = one.calling(home.url)
            kind = file.claimed if is_claimed else sniff(file.body, len(file.body))
            record = plant(server, collection, ann.id, Seed(file.name, kind, file.body))
            link = client.post(f"/api/files/{record.id}/links", json={}).json()["url"]
            (album / f"h{number:03}.png").write_bytes(file.body)
            paths = (
                f"/files/{record.id}",
                f"/files/{record.id}?download=0",
                f"/images/{record.id}/original",
                f"/images/{record.id}?width=100",
                f"/images/{record.id}/thumb",
                f"/images/{record.id}/info",
                f"/resize?url=/albums/hostile/h{number:03}.png&width=100",
                f"/albums/hostile/h{number:03}.png",
                f"/api/files/{record.id}",
                f"/api/zip?file={record.id}",
                link.removeprefix(server.url),
                storage_path(server, record.id),
            )
            found.append(Published(file, record.id, paths, is_claimed))
    return found


def storage_path(server: RunningApplication, file_id: str) -> str:
    """The signed URL of local storage to the same bytes, as a page of ours: whatever it claims."""
    from datetime import timedelta  # noqa: PLC0415

    from cimaise.access.policy import Principal, Role  # noqa: PLC0415

    services = server.application.services
    admin = Principal("x", "x", Role.ADMIN)
    file = server.run(services.library.files.find(admin, file_id))
    assert services.storage.presigner is not None
    assert file.storage_key is not None
    signed = services.storage.presigner.get(
        file.storage_key,
        expires_at=services.clock() + timedelta(hours=1),
        content_type="text/html",
        content_disposition="inline",
    )
    return signed.url.removeprefix(server.url)


EMBEDDED = """async (paths) => {
  const made = [];
  const settled = [];
  for (const path of paths) {
    for (const tag of ["iframe", "embed", "object", "img", "video", "script", "link"]) {
      const one = document.createElement(tag);
      if (tag === "object") one.data = path;
      else if (tag === "link") { one.rel = "stylesheet"; one.href = path; }
      else one.src = path;
      settled.push(new Promise((done) => {
        one.onload = one.onerror = one.onloadeddata = done;
        setTimeout(done, 1500);
      }));
      document.body.append(one);
      made.push(one);
    }
    settled.push(import(path).catch(() => 0));
    settled.push(new Promise((done) => {
      try {
        const worker = new Worker(path);
        worker.onerror = done;
        setTimeout(() => { worker.terminate(); done(); }, 300);
      } catch { done(); }
    }));
    settled.push(navigator.serviceWorker?.register(path).then(
      (one) => { globalThis.registered = path; }, () => 0));
  }
  await Promise.all(settled);
  for (const one of made) one.remove();
  return globalThis.registered ?? null;
}"""


def visit(page: Page, url: str) -> None:
    """Open it as somebody who clicked it would; what is saved or refused is no error here."""
    try:
        page.goto(url, wait_until="load", timeout=5000)
    except Error as fault:
        if not any(
            text in str(fault) for text in ("net::", "Download is", "interrupted", "Timeout")
        ):
            raise


def naive(trusted: list[Hostile]) -> Any:
    """A server without any fence: the type that was claimed, or the name's, in place."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        number = scope["path"].strip("/")
        file = trusted[int(number)] if number.isdigit() else None
        body = b"<!doctype html><title>x</title>" if file is None else file.body
        kind = "text/html" if file is None else file.claimed
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def test_the_canary_sings_where_there_is_no_fence(browser: Browser, home: Home):
    """The same files from a server that trusts them: so the test below can fail."""
    trusted = [one.calling(home.url) for one in corpus()]
    home.calls.clear()
    with running_uvicorn(naive(trusted)) as server:
        context = browser.new_context(accept_downloads=True)
        page = context.new_page()
        base = f"http://127.0.0.1:{server.port}"
        for number in range(len(trusted)):
            visit(page, f"{base}/{number}")
        page.goto(f"{base}/host")
        scripts = [f"/{n}" for n, one in enumerate(trusted) if one.name in ("worker.js", "old.js")]
        page.evaluate(EMBEDDED, scripts)
        context.close()
    ran = {one.name for one in trusted} & home.calls
    assert len(ran) >= 50, sorted(ran)
    assert {"page-plain.html", "drawing-script.svg", "page.xhtml", "worker.js"} <= ran


def test_no_hostile_file_runs_when_it_is_opened(
    browser: Browser, server: RunningApplication, published: list[Published], home: Home
):
    assert len(published) >= 100
    home.calls.clear()
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    for one in published:
        # the file itself, and the way on which its type is told by somebody else
        for path in (one.paths[0], one.paths[11] if one.is_claimed else one.paths[7]):
            visit(page, server.url + path)
            assert page.title() != "ran", one.file.name
    context.close()
    assert home.calls == set()
    assert dialogs == []


def test_no_hostile_file_runs_when_a_page_of_ours_embeds_it(
    browser: Browser, server: RunningApplication, published: list[Published], home: Home
):
    """Not as a frame, object, script, style, module, worker or service worker."""
    home.calls.clear()
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url + "/healthz")  # our origin, and no policy of the page's own in the way
    for start in range(0, len(published), _EMBEDDED_AT_ONCE):
        paths = [
            path for one in published[start : start + _EMBEDDED_AT_ONCE] for path in one.paths[:1]
        ]
        paths += [published[start].paths[7], published[start].paths[11]]
        assert page.evaluate(EMBEDDED, paths) is None
    context.close()
    assert home.calls == set()


def test_every_route_has_every_fence(server: RunningApplication, published: list[Published]):
    """Nothing is left to be guessed: one of our types, or saved, and never anything active."""
    with server.client() as guest:
        for one in published:
            for path in one.paths:
                answer = guest.get(path)
                assert_is_fenced(answer, f"{one.file.name} {path}")


def assert_is_fenced(answer: httpx2.Response, what: str) -> None:
    headers = answer.headers
    kind = headers["content-type"].split(";")[0]
    if answer.status_code >= 400 or kind == "application/json":
        assert kind == "application/json", what
        return
    assert headers["x-content-type-options"] == "nosniff", what
    assert "sandbox" in headers["content-security-policy"], what
    assert "allow-scripts" not in headers["content-security-policy"], what
    assert "default-src 'none'" in headers["content-security-policy"], what
    assert "cross-origin-resource-policy" in headers, what
    assert headers["referrer-policy"] == "no-referrer", what
    assert kind not in ("text/html", "image/svg+xml", "application/xhtml+xml"), what
    assert not kind.endswith(("xml", "script", "json")), what
    is_shown = not headers.get("content-disposition", "inline").startswith("attachment")
    assert not is_shown or kind in INLINE_TYPES, what


def test_a_photograph_is_shown_in_place(browser: Browser, server: RunningApplication):
    ben = server.person("ben")
    with server.client(ben) as client:
        collection = make_collection(server, client, visibility="public")
        photo = publish_file(client, collection, "photo.png", PNG)
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"{server.url}/files/{photo['id']}")
    assert answer is not None
    assert answer.headers["content-type"] == "image/png"
    assert page.evaluate("document.contentType") == "image/png"
    assert page.evaluate("document.images[0].naturalWidth") == 1
    context.close()


SEEK = """async (path) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = path;
  document.body.append(video);
  const until = (name) => new Promise((done, failed) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener("error", () => failed(video.error?.message), { once: true });
  });
  await until("loadeddata");
  const brightness = () => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 8;
    const pen = canvas.getContext("2d");
    pen.drawImage(video, 0, 0, 8, 8);
    return pen.getImageData(4, 4, 1, 1).data[0];
  };
  const first = brightness();
  const seeked = until("seeked");
  video.currentTime = 7;
  await seeked;
  const later = brightness();
  await video.play();
  video.pause();
  return { duration: video.duration, first, later, at: video.currentTime };
}"""


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_a_film_plays_in_place_and_can_be_sought_in(
    browser: Browser, server: RunningApplication, container: str, tmp_path: Path
):
    name = f"cleo-{container}"
    with server.client(server.person(name)) as client:
        collection = make_collection(server, client, visibility="public")
        record = publish_file(client, collection, f"film.{container}", film(container, tmp_path))
    context = browser.new_context()
    page = context.new_page()
    ranges: list[str] = []
    page.on("request", lambda request: ranges.append(request.headers.get("range", "")))
    page.goto(server.url + "/healthz")
    seen = page.evaluate(SEEK, f"/files/{record['id']}")
    assert seen["duration"] == pytest.approx(8, abs=0.3)
    assert seen["first"] < 60
    assert seen["later"] > 190
    assert seen["at"] >= 6.9
    answer = page.goto(f"{server.url}/files/{record['id']}")  # by itself, as a document
    assert answer is not None
    assert answer.status in (200, 206)
    assert page.evaluate("document.contentType") == f"video/{container}"
    page.wait_for_function("document.querySelector('video').readyState >= 2")
    context.close()
