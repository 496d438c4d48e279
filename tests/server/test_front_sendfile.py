"""Real servers in front that understand ``X-Sendfile``: the application decides, they send."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from cimaise.settings import Settings
from cimaise.settings.parsing import parse_extensions
from tests.kit.application import running_application
from tests.kit.backends import left_out
from tests.kit.free_port import free_port
from tests.kit.pictures import quadrants

CONTENT = os.urandom(1 << 20) * 3
_MODULES = Path("/usr/lib/apache2/modules")

APACHE = """
ServerName localhost
ServerRoot {folder}
PidFile {folder}/pid
ErrorLog {folder}/errors
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LoadModule xsendfile_module {modules}/mod_xsendfile.so
Listen 127.0.0.1:{port}
XSendFile on
XSendFilePath "{data}"
ProxyPass / {app}/
"""

LIGHTTPD = """
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/errors"
server.modules = ( "mod_proxy" )
proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => {app_port},
    "x-sendfile" => "enable", "x-sendfile-docroot" => ( "{data}" ) )) )
"""


def _found(name: str) -> str:
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        left_out(f"{name} is not installed")
    return program


def apache(folder: Path, port: int, app: str, data: Path) -> list[str]:
    program = _found("apache2")
    if not (_MODULES / "mod_xsendfile.so").exists():
        left_out("Apache's mod_xsendfile is not installed (libapache2-mod-xsendfile)")
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    file = folder / "apache.conf"
    file.write_text(
        APACHE.format(folder=folder, port=port, app=app, data=data, modules=_MODULES, user=user)
    )
    return [program, "-f", str(file), "-DFOREGROUND"]


def lighttpd(folder: Path, port: int, app: str, data: Path) -> list[str]:
    program = _found("lighttpd")
    file = folder / "lighttpd.conf"
    app_port = app.rpartition(":")[2]
    file.write_text(LIGHTTPD.format(folder=folder, port=port, app_port=app_port, data=data))
    return [program, "-D", "-f", str(file)]


@contextmanager
def listening(command: list[str], port: int) -> Iterator[str]:
    """A running server; gives its URL."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        while True:
            assert process.poll() is None, process.communicate()[0]
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                continue
            break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


NAMES = ("plain.png", "a b+c.png", "été 1.png", "100% .png", "a%62.png", "a%2Fb.png")
"""Of pictures in a folder album: what a server that decodes too much, or too little, would miss."""


@dataclass
class Fronted:
    """One public file, and pictures of a folder, behind a server that sends them."""

    through: httpx2.Client
    owner: httpx2.Client
    alone: httpx2.Client
    path: str


@pytest.fixture(scope="module", params=[apache, lighttpd], ids=lambda one: one.__name__)
def fronted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fronted]:
    make: Callable[[Path, int, str, Path], list[str]] = request.param
    folder = tmp_path_factory.mktemp("front")

    def change(settings: Settings) -> Settings:
        return replace(
            settings,
            uploads=replace(settings.uploads, extensions=parse_extensions("any")),
            server=replace(settings.server, send_files_by="x-sendfile"),
        )

    with (
        tempfile.TemporaryDirectory() as open_folder,  # pytest's own are their owner's alone
        running_application(Path(open_folder) / "a space and äöü", change) as app,
        app.client(app.person("ann")) as owner,
    ):
        data = Path(open_folder) / "a space and äöü"
        hang(data)
        made = owner.post("/api/collections", json={"name": "shown", "visibility": "public"})
        assert made.status_code == 201, made.text
        put = owner.put("/api/collections/shown/files/a b.bin", content=CONTENT)
        assert put.status_code == 201, put.text
        _let_all_read(Path(open_folder))
        port = free_port()
        with (
            listening(make(folder, port, app.url, data), port) as url,
            httpx2.Client(base_url=url, timeout=10) as through,
            app.client() as alone,
        ):
            yield Fronted(through, owner, alone, f"/files/{put.json()['id']}")


def hang(data: Path) -> None:
    """A folder album; every picture of it is another one."""
    album = data / "albums" / "hung"
    album.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        (album / name).write_bytes(picture(number))


def picture(number: int) -> bytes:
    return bytes(quadrants(30 + number, 20).write_to_buffer(".png"))


def _let_all_read(data: Path) -> None:
    for place in (data, *data.rglob("*")):
        place.chmod(place.stat().st_mode | (0o055 if place.is_dir() else 0o044))


def test_the_application_names_the_file_and_sends_no_byte(fronted: Fronted):
    answer = fronted.alone.get(fronted.path)
    assert answer.headers["content-length"] == "0"
    assert answer.headers["x-sendfile"].startswith("/")
    assert "a space and" in answer.headers["x-sendfile"]


def test_the_whole_file_comes_with_its_safety_headers(fronted: Fronted):
    answer = fronted.through.get(fronted.path)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "x-sendfile" not in answer.headers


def test_a_range_is_cut_out(fronted: Fronted):
    for text, part in (("0-99", CONTENT[:100]), ("-7", CONTENT[-7:]), ("1000000-1000009", CONTENT[1000000:1000010])):  # fmt: skip
        answer = fronted.through.get(fronted.path, headers={"Range": f"bytes={text}"})
        assert (answer.status_code, answer.content) == (206, part)


def test_who_has_it_already_is_told_so(fronted: Fronted):
    etag = fronted.alone.head(fronted.path).headers["etag"]
    answer = fronted.through.get(fronted.path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_what_is_private_stays_so(fronted: Fronted):
    put = fronted.owner.put("/api/collections/shown/files/d.bin", content=CONTENT[:1000])
    path = f"/files/{put.json()['id']}"
    hidden = fronted.owner.patch(f"/api{path}", json={"visibility": "private"})
    assert hidden.status_code == 200, hidden.text
    assert fronted.through.get(path).status_code == 401


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_a_picture_of_a_folder_is_that_one_whatever_its_name(fronted: Fronted, number: int):
    path = f"/albums/hung/{quote(NAMES[number])}"
    answer = fronted.through.get(path)
    assert (answer.status_code, answer.content) == (200, picture(number))
    named = fronted.alone.get(path)
    assert ("x-sendfile" in named.headers) is ("%" not in NAMES[number])
