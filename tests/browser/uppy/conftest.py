"""Pages with unmodified Uppy and FilePond, on another origin than the server's, by an upload token."""

import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from tests.kit.application import TLS
from tests.kit.backends import left_out
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.served_application import ServedApplication, served_application

SOURCES = Path(__file__).parent
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
        SOURCES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "*.py")
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
def storage_name() -> str:
    """Where files go; a file of tests may say otherwise."""
    return "disk"


@pytest.fixture(scope="module")
def served(
    request: pytest.FixtureRequest,
    storage_name: str,
    pages: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServedApplication]:
    """A server that lets pages of the other origin upload."""
    folder = tmp_path_factory.mktemp("uppy-data")
    environment = {"CIMAISE_SERVER_ALLOWED_ORIGINS": pages}
    if storage_name != "disk":
        server: S3Server = request.getfixturevalue(storage_name)
        environment |= open_bucket(server, folder.name, pages)
    with served_application(folder, **environment) as running:
        yield running


def open_bucket(server: S3Server, name: str, origin: str) -> dict[str, str]:
    """A bucket that pages of the origin may send to; settings that use it."""
    bucket = make_bucket(server, name)
    rule = {
        "AllowedOrigins": [origin],
        "AllowedMethods": ["PUT", "GET", "HEAD", "POST"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag", "Location"],
    }
    server.client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    return {
        "CIMAISE_STORAGE_URL": server.url(bucket),
        "CIMAISE_STORAGE_ACCESS_KEY_ID": server.access_key,
        "CIMAISE_STORAGE_SECRET_ACCESS_KEY": server.secret_key,
    }


@dataclass
class Visit:
    """A page with an Uppy of one version, and an upload token for a collection of its own."""

    served: ServedApplication
    page: Page
    version: str
    token: dict[str, Any]
    client: httpx2.Client
    collection: str
    sent: list[tuple[str, str]] = field(default_factory=list)

    def uppy(self, make: str | None = None, **options: Any) -> None:
        """Make ``window.uppy``."""
        make = make or self.version
        if make.startswith(self.version):
            key = "endpoint" if self.version == "five" else "companionEndpoint"
            options = {key: self.token["companion_url"]} | options
        self.page.evaluate(f"(options) => {{ window.uppy = {make}(options) }}", options)

    def look(self) -> None:
        """Note every request that carries a body or asks for something."""
        self.page.on(
            "request",
            lambda request: (
                self.sent.append((request.method, request.url))
                if request.method != "OPTIONS"
                else None
            ),
        )

    def count(self, method: str, part: str = "") -> int:
        """Requests of the page with this method whose address holds ``part``."""
        return sum(seen == method and part in url for seen, url in self.sent)

    def hold(self, method: str, part: str, *, after: int) -> list[bool]:
        """Let ``after`` such requests through and keep the others waiting, until something is
        appended to what is given back."""
        seen = 0
        over: list[bool] = []

        def handle(route: Any) -> None:
            nonlocal seen
            if route.request.method == method:
                seen += 1
            if over or route.request.method != method or seen <= after:
                route.fallback()

        self.page.route(lambda url: part in url, handle)
        return over

    def fail(
        self, method: str, part: str, *, times: int, status: int = 500, after: int = 0
    ) -> None:
        """Answer so many such requests with ``status`` instead of letting them through.

        0 breaks the connection instead. The first ``after`` of them go through.
        """
        seen = 0

        def handle(route: Any) -> None:
            nonlocal seen
            if route.request.method != method:
                route.fallback()
                return
            seen += 1
            if not after < seen <= after + times:
                route.fallback()
            elif status:
                origin = route.request.headers.get("origin", "*")
                allowed = {"Access-Control-Allow-Origin": origin}
                route.fulfill(status=status, headers=allowed, body="")
            else:
                route.abort("connectionreset")

        self.page.route(lambda url: part in url, handle)

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
    with httpx2.Client(base_url=served.url, headers=headers, timeout=30, verify=TLS) as client:
        name = f"c{len(client.get('/api/collections').json()['collections'])}"
        client.post("/api/collections", json={"name": name})
        token = client.post("/api/upload-tokens", json={"collection": name}).json()
        page = context.new_page()
        page.goto(f"{pages}/{version}.html")
        visit = Visit(served, page, version, token, client, name)
        visit.look()
        yield visit
    context.close()


def assert_arrived(visit: Visit, result: dict[str, Any], length: int) -> None:
    assert result["failed"] == []
    (done,) = result["successful"]
    (file,) = visit.files()
    assert file["size"] == length
    assert visit.client.get(file["url"]).content == body_of(length)
    assert done["url"] == file["url"]
