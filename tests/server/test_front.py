"""A real nginx in front: the application decides, nginx sends, and nothing is lost on the way."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from cimaise.settings import Settings
from cimaise.settings.parsing import parse_extensions
from cimaise.web.replies.front import Front
from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import left_out

HOW_TO = Path(__file__).parents[2] / "docs/how-to/nginx.md"
CONTENT = os.urandom(1 << 20) * 3
OURS = {"date", "server", "connection", "x-request-id", "last-modified"}


def nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        left_out("nginx is not installed")
    return found


def configuration(folder: Path, port: int, app_port: str, data: Path) -> str:
    """The file of the manual, on other ports and in another folder."""
    match = re.search(r"```nginx\n(.*?)\n   ```", HOW_TO.read_text("utf-8"), re.DOTALL)
    assert match is not None
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    changes = {
        "user www-data;": "user root;" if os.geteuid() == 0 else "",
        "pid /run/nginx.pid;": f"pid {folder}/pid; daemon off; error_log {folder}/errors;",
        "worker_processes auto;": "worker_processes 1;",
        "server 127.0.0.1:3023;": f"server 127.0.0.1:{app_port};",
        "listen 80;": f"listen 127.0.0.1:{port};",
        "alias /var/lib/cimaise/;": f"alias {data}/;",
        "sendfile on;": f"sendfile on; {temporary}",
    }
    text = match[1]
    for name, other in changes.items():
        assert name in text
        text = text.replace(name, other)
    return text


@dataclass
class Fronted:
    """One file, asked for directly and through nginx."""

    direct: httpx2.Client
    through: httpx2.Client
    owner: httpx2.Client
    path: str


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    program, folder = nginx(), tmp_path_factory.mktemp("nginx")
    data = tmp_path_factory.mktemp("data")

    def change(settings: Settings) -> Settings:
        uploads = replace(settings.uploads, extensions=parse_extensions("any"))
        return replace(settings, uploads=uploads)

    def behind(settings: Settings) -> Settings:
        server = replace(settings.server, send_files_by="x-accel-redirect")
        return replace(change(settings), server=server)

    with running_application(data, change) as plain, plain.client(plain.person("ann")) as owner:
        made = owner.post("/api/collections", json={"name": "shown", "visibility": "public"})
        assert made.status_code == 201, made.text
        put = owner.put("/api/collections/shown/files/a b.bin", content=CONTENT)
        assert put.status_code == 201, put.text
        with (
            running_application(data, behind) as app,
            listening(program, folder, app, data) as url,
            httpx2.Client(base_url=url, timeout=10) as through,
            plain.client() as direct,
        ):
            yield Fronted(direct, through, owner, f"/files/{put.json()['id']}")


class listening:  # noqa: N801 (a context manager)
    """A running nginx; gives its URL."""

    def __init__(self, program: str, folder: Path, app: RunningApplication, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        file = folder / "nginx.conf"
        text = configuration(folder, self._port, app.url.rpartition(":")[2], data)
        file.write_text(text)
        self._command = [program, "-c", str(file), "-p", str(folder)]

    def __enter__(self) -> str:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE)
        while True:
            assert self._process.poll() is None, self._process.communicate()[1]
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except ConnectionRefusedError:
                continue
            return f"http://127.0.0.1:{self._port}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)


CASES = [
    {},
    {"Range": "bytes=0-99"},
    {"Range": "bytes=-7"},
    {"Range": "bytes=1000000-"},
    {"If-None-Match": '"another"'},
    {"If-Range": '"another"', "Range": "bytes=0-99"},
    {"If-Modified-Since": "Mon, 09 Mar 2026 10:11:12 GMT"},
]


@pytest.mark.parametrize("headers", CASES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_comes_through_nginx_is_what_comes_without_it(
    fronted: Fronted, headers: dict[str, str], method: str
):
    direct = fronted.direct.request(method, fronted.path, headers=headers)
    through = fronted.through.request(method, fronted.path, headers=headers)
    assert through.status_code == direct.status_code
    assert through.content == direct.content
    wanted = {name: text for name, text in direct.headers.items() if name not in OURS}
    if direct.status_code == 206 and method == "GET":
        del wanted["accept-ranges"]  # nginx thinks that a range says it
    got = {name: text for name, text in through.headers.items() if name not in OURS}
    assert got == wanted
    assert through.headers.get("last-modified") == direct.headers.get("last-modified")


def test_ranges_follow_the_applications_own_etag(fronted: Fronted):
    etag = fronted.direct.head(fronted.path).headers["etag"]
    headers = {"If-Range": etag, "Range": "bytes=5-9"}
    through = fronted.through.get(fronted.path, headers=headers)
    assert (through.status_code, through.content) == (206, CONTENT[5:10])


def test_several_ranges_come_in_parts(fronted: Fronted):
    through = fronted.through.get(fronted.path, headers={"Range": "bytes=0-9,100-109"})
    assert through.status_code == 206
    assert through.headers["content-type"].startswith("multipart/byteranges")
    assert CONTENT[:10] in through.content
    assert CONTENT[100:110] in through.content


def test_who_has_it_already_is_told_so(fronted: Fronted):
    etag = fronted.direct.head(fronted.path).headers["etag"]
    through = fronted.through.get(fronted.path, headers={"If-None-Match": etag})
    assert (through.status_code, through.headers["etag"]) == (304, etag)


def test_an_unsatisfiable_range_is_refused(fronted: Fronted):
    through = fronted.through.get(fronted.path, headers={"Range": f"bytes={len(CONTENT)}-"})
    assert through.status_code == 416
    assert through.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_nobody_reaches_the_folder_behind_it(fronted: Fronted):
    assert fronted.through.get("/_files/cimaise.db").status_code == 404
    assert fronted.through.get("/_files/").status_code == 404


def test_uploads_flow_through_it(fronted: Fronted):
    put = fronted.through.put(
        "/api/collections/shown/files/c.bin", content=CONTENT, headers=fronted.owner.headers
    )
    assert put.status_code == 201, put.text
    assert fronted.through.get(f"/files/{put.json()['id']}").content == CONTENT


def test_what_is_private_stays_so(fronted: Fronted):
    put = fronted.owner.put("/api/collections/shown/files/d.bin", content=CONTENT[:1000])
    path = put.json()["id"]
    changed = fronted.owner.patch(f"/api/files/{path}", json={"visibility": "private"})
    assert changed.status_code == 200
    assert fronted.through.get(f"/files/{path}").status_code == 401


def test_x_sendfile_names_the_absolute_path():
    front = Front("x-sendfile", Path("/data"))
    named = front.name_of(Path("/data/albums/Été 1/a+b.jpg"))
    assert named == "/data/albums/Été 1/a+b.jpg".encode().decode("latin-1")
    assert front.name_of(Path("/elsewhere/a.jpg")) is None


@pytest.mark.parametrize("name", ["a%b.jpg", "100%25.jpg", "a\nb.jpg", "a\x7fb.jpg"])
def test_a_name_that_some_servers_would_read_otherwise_is_not_told_by_x_sendfile(name: str):
    assert Front("x-sendfile", Path("/data")).name_of(Path("/data") / name) is None
    assert Front("x-sendfile", Path("/da%ta")).name_of(Path("/da%ta/a.jpg")) is None
    assert Front("x-accel-redirect", Path("/data")).name_of(Path("/data") / name) is not None


def test_x_accel_redirect_names_the_place_in_the_internal_location():
    front = Front("x-accel-redirect", Path("/data"))
    assert front.name_of(Path("/data/objects/a?b")) == "/_files/objects/a%3Fb"
