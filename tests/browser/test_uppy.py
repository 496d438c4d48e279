"""Unmodified Uppy 5 and 6 in a real browser, on a page of another origin, with an upload token."""

import asyncio
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from cimaise.database.schema import uploads
from cimaise.storage.signed_urls import SignedUrls
from tests.kit.backends import left_out
from tests.kit.served_application import ServedApplication, served_application

SOURCES = Path(__file__).parent / "uppy"
MB = 1024 * 1024
LENGTH = 12 * MB
HEAD = b"\x00\x01\x02 not anything known"
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def body_of(length: int) -> bytes:
    """The same bytes as ``bytesOf`` in ``uppy/drive.js`` makes of the same numbers."""
    block = bytes((at * 31 + (at >> 8)) & 0xFF for at in range(65_536))
    whole = block * (length // len(block) + 1)
    return (HEAD + whole[len(HEAD) :])[:length]


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five.js, six.js and a page for each."""
    if not (shutil.which("node") and shutil.which("npm")):
        left_out("node and npm are not installed")
    folder = tmp_path_factory.mktemp("uppy")
    shutil.copytree(
        SOURCES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules")
    )
    installed = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True)
    if installed.returncode:
        left_out(f"Uppy cannot be installed: {installed.stderr[-300:]}")
    for name in ("five", "six"):
        command = [
            "node_modules/.bin/esbuild", f"{name}/page.js", "--bundle", "--format=iife",
            f"--outfile=site/{name}.js", "--log-level=error",
        ]  # fmt: skip
        subprocess.run(command, cwd=folder, check=True)
        page = f'<!doctype html><title>{name}</title><script src="{name}.js"></script>'
        (folder / "site" / f"{name}.html").write_text(page)
    return folder / "site"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="session")
def pages(bundles: Path) -> Iterator[str]:
    """Origin of a server that has nothing but the pages."""

    def handler(*arguments: Any) -> _Quiet:
        return _Quiet(*arguments, directory=os.fspath(bundles))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def served(pages: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApplication]:
    folder = tmp_path_factory.mktemp("uppy-data")
    with served_application(folder, CIMAISE_SERVER_ALLOWED_ORIGINS=pages) as running:
        yield running


@dataclass
class Visit:
    """A page with an Uppy of one version, and an upload token for a collection of its own."""

    served: ServedApplication
    page: Page
    version: str
    token: dict[str, Any]
    client: httpx2.Client
    collection: str

    def uppy(self, **options: Any) -> None:
        """Make ``window.uppy``."""
        key = "endpoint" if self.version == "five" else "companionEndpoint"
        options = {key: self.token["companion_url"]} | options
        self.page.evaluate(f"(options) => {{ window.uppy = {self.version}(options) }}", options)

    def add(self, name: str = "file.bin", length: int = LENGTH, **meta: Any) -> None:
        """Choose a file."""
        arguments = [name, "application/octet-stream", list(HEAD) if length else [], length, meta]
        self.page.evaluate("(given) => { uppy.add(...given) }", arguments)

    def run(self, verb: str = "upload") -> dict[str, Any]:
        """Run to the end."""
        return self.page.evaluate(f"() => uppy.{verb}()")

    def files(self) -> list[dict[str, Any]]:
        """What is published."""
        url = f"/api/collections/{self.collection}/files"
        return self.client.get(url).json()["files"]

    def puts(self) -> int:
        """Parts that were sent, refused ones included."""
        return len(self.served.sent("PUT /storage/"))

    def upload_ids(self) -> list[str]:
        """Newest first."""
        return [one["id"] for one in self.client.get("/api/uploads").json()["uploads"]]


@pytest.fixture(params=["five", "six"])
def version(request: pytest.FixtureRequest) -> str:
    """Of Uppy; a test may ask for one only."""
    return request.param


@pytest.fixture
def visit(browser: Browser, pages: str, served: ServedApplication, version: str) -> Iterator[Visit]:
    served.hook = None
    served.seen.clear()
    headers = {"Authorization": f"Bearer {served.key}"}
    context = browser.new_context()
    context.set_default_timeout(30_000)
    with httpx2.Client(base_url=served.url, headers=headers, timeout=30) as client:
        name = f"c{len(client.get('/api/collections').json()['collections'])}"
        client.post("/api/collections", json={"name": name})
        token = client.post("/api/upload-tokens", json={"collection": name}).json()
        page = context.new_page()
        page.goto(f"{pages}/{version}.html")
        yield Visit(served, page, version, token, client, name)
    context.close()


def assert_arrived(visit: Visit, result: dict[str, Any], length: int) -> None:
    assert result["failed"] == []
    (done,) = result["successful"]
    (file,) = visit.files()
    assert file["size"] == length
    assert visit.client.get(file["url"]).content == body_of(length)
    assert done["url"] == file["url"]


def test_a_small_file_goes_in_one_request(visit: Visit):
    visit.uppy()
    visit.add(length=300_000)
    assert_arrived(visit, visit.run(), 300_000)
    assert visit.served.sent("POST /files") == ["POST /files"]


def test_a_large_file_goes_in_parts(visit: Visit):
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    assert_arrived(visit, visit.run(), LENGTH)
    assert visit.puts() == 3
    assert max(visit.page.evaluate("() => uppy.progress()")) == LENGTH


def test_several_files_go_at_once(visit: Visit):
    visit.uppy(shouldUseMultipart=True)
    for number in range(4):
        visit.add(f"{number}.bin", 6 * MB + number)
    result = visit.run()
    assert (len(result["successful"]), result["failed"]) == (4, [])
    sizes = sorted(file["size"] for file in visit.files())
    assert sizes == [6 * MB + number for number in range(4)]


def test_an_empty_file_fails_and_does_not_hang(visit: Visit):
    visit.uppy(retryDelays=[])
    visit.add(length=0)
    result = visit.run()
    assert [one["name"] for one in result["failed"]] == ["file.bin"]
    assert visit.files() == []


def test_a_refused_file_fails_with_the_servers_sentence_where_uppy_shows_it(visit: Visit):
    url = f"/api/collections/{visit.collection}"
    visit.client.patch(url, json={"policy": {"extensions": [".zip"]}})
    visit.uppy(retryDelays=[])
    visit.add(length=1000)
    (failed,) = visit.run()["failed"]
    if visit.version == "five":
        assert "Only .zip files" in failed["error"]


def test_cancelling_frees_what_was_sent(visit: Visit):
    reached, released = threading.Event(), asyncio.Event()
    seen = 0

    async def hook(scope: Any, _: Any) -> None:
        nonlocal seen
        if scope["method"] == "PUT":
            seen += 1
            if seen == 2:
                reached.set()
                await released.wait()
        if scope["method"] == "DELETE":
            released.set()

    visit.served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    visit.page.evaluate("() => uppy.begin()")
    assert reached.wait(30)
    with visit.page.expect_response(lambda answer: answer.request.method == "DELETE") as answered:
        visit.page.evaluate("() => uppy.cancel()")
    assert answered.value.status == 200
    (upload,) = visit.upload_ids()[:1]
    assert visit.client.get(f"/api/uploads/{upload}").json()["state"] == "aborted"
    shown = visit.client.get("/api/upload-tokens").json()["upload_tokens"]
    mine = next(one for one in shown if one["id"] == visit.token["id"])
    assert (mine["used_bytes"], mine["used_files"]) == (0, 0)


def test_a_part_that_fails_is_sent_again(visit: Visit):
    failures = 1 if visit.version == "five" else 4  # the one tries longer, the other fails
    seen: dict[str, int] = {"left": failures}

    async def hook(scope: Any, _: Any) -> int | None:
        if scope["method"] == "PUT" and len(visit.served.sent("PUT ")) > 1 and seen["left"]:
            seen["left"] -= 1
            return 500
        return None

    visit.served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    result = visit.run()
    if visit.version == "six":
        assert len(result["failed"]) == 1
        result = visit.run("retry")
        lists = [
            line for line in visit.served.sent("GET /companion/")
            if line.rpartition("/multipart/")[2] in visit.upload_ids()
        ]  # fmt: skip
        assert len(lists) == 1
    assert_arrived(visit, result, LENGTH)
    assert visit.puts() == 3 + failures
    assert len(visit.served.sent("POST /companion/")) == 2  # begun once, completed once


def test_an_expired_url_costs_no_byte_that_had_arrived(visit: Visit):
    """Uppy 5 fetches a fresh URL by itself; Uppy 6 fails, and goes on when it is told to."""
    expired: list[str] = []

    async def hook(scope: Any, _: Any) -> None:
        if scope["method"] == "PUT" and not expired and len(visit.served.sent("PUT ")) > 1:
            expired.append(scope["path"])
            scope["path"] = await expired_path(visit.served)

    visit.served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    result = visit.run()
    if visit.version == "six":
        assert len(result["failed"]) == 1
        result = visit.run("retry")
    assert_arrived(visit, result, LENGTH)
    assert len(expired) == 1
    assert visit.puts() == 4


async def expired_path(served: ServedApplication) -> str:
    """Path of a URL that this server signed two hours ago."""
    services = served.application.services
    newest = select(uploads).order_by(uploads.c.created_at.desc()).limit(1)
    row = await services.database.read(lambda connection: connection.execute(newest).one())
    past = services.clock() - timedelta(hours=2)
    secret = (services.settings.data.dir / "secret.key").read_bytes().strip()
    urls = SignedUrls(secret=secret, public_url=served.url, now=lambda: past)
    signed = urls.part(
        row.incoming_key, row.storage_upload_id, 2, max_bytes=LENGTH, session_id=row.id,
        expires_at=past + timedelta(hours=1),
    )  # fmt: skip
    return signed.url.removeprefix(served.url)


def is_complete(scope: Any) -> bool:
    return scope["method"] == "POST" and scope["path"].endswith("/complete")


@pytest.mark.parametrize("version", ["six"], indirect=True)  # five deletes the upload by itself
def test_a_failed_completion_loses_nothing(visit: Visit):
    failures = [503]

    async def hook(scope: Any, _: Any) -> int | None:
        return failures.pop() if failures and is_complete(scope) else None

    visit.served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    assert len(visit.run()["failed"]) == 1
    assert_arrived(visit, visit.run("retry"), LENGTH)
    assert visit.puts() == 3


@pytest.mark.parametrize("version", ["six"], indirect=True)
def test_an_answer_to_complete_that_got_lost_is_had_again(visit: Visit):
    served = visit.served
    lost: list[str] = []

    async def hook(scope: Any, receive: Any) -> int | None:
        if lost or not is_complete(scope):
            return None
        lost.append(scope["path"])

        async def nowhere(_: Any) -> None:
            """The connection broke."""

        await served.application(dict(scope), receive, nowhere)
        return 502

    served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    assert len(visit.run()["failed"]) == 1
    assert len(visit.files()) == 1
    assert_arrived(visit, visit.run("retry"), LENGTH)
    assert visit.puts() == 3


@pytest.mark.parametrize("version", ["five"], indirect=True)  # six has no option for headers
def test_a_page_can_send_a_key_in_place_of_a_token(visit: Visit):
    headers = {"Authorization": f"Bearer {visit.served.key}"}
    visit.uppy(endpoint=f"{visit.served.url}/companion", headers=headers, shouldUseMultipart=True)
    visit.add(collection=visit.collection)
    assert_arrived(visit, visit.run(), LENGTH)


@pytest.mark.parametrize("version", ["six"], indirect=True)
def test_xhr_upload_sends_to_the_form_of_a_token(visit: Visit):
    options = {"endpoint": visit.token["form_url"], "fieldName": "file"}
    visit.page.evaluate("(options) => { window.uppy = xhr(options) }", options)
    visit.add(length=LENGTH, title="By XHR")
    assert_arrived(visit, visit.run(), LENGTH)
    assert visit.files()[0]["title"] == "By XHR"


def test_a_revoked_token_stops_the_page(visit: Visit):
    visit.client.delete(f"/api/upload-tokens/{visit.token['id']}")
    visit.uppy(retryDelays=[], shouldUseMultipart=True)
    visit.add()
    result = visit.run()
    assert (len(result["failed"]), result["successful"]) == (1, [])
    if visit.version == "five":
        assert "taken back" in result["failed"][0]["error"]
