"""The examples that mount the server in FastAPI and in Django, as they are printed, by uvicorn."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from html import unescape
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.kit.application import TLS
from tests.kit.free_port import free_port, wait_until_it_listens
from tests.kit.pictures import quadrants

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
ANN, BOB = "a long pass phrase of ann", "a long pass phrase of bob"


def jpeg_bytes(width: int, height: int) -> bytes:
    return bytes(quadrants(width, height).jpegsave_buffer())


ADDRESS = re.compile(r'(?:href|src|action|data-[a-z-]+)="(/[^"]*)"')
SET = re.compile(r'srcset="([^"]+)"')
pytestmark = pytest.mark.slow


@contextmanager
def uvicorn(folder: Path, app: str, port: int, environment: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=folder, env=environment)
    try:
        wait_until_it_listens(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(30) in (0, -15)


@pytest.fixture(params=["fastapi", "django"])
def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Where an example answers; ann is a member of it, bob runs it."""
    port = free_port()
    environment = os.environ | {
        "CIMAISE_DATA_DIR": str(tmp_path / "media"),
        "CIMAISE_SERVER_PUBLIC_URL": f"http://127.0.0.1:{port}/media",
    }
    if request.param == "fastapi":
        environment |= {"ANN_PASSWORD": ANN, "BOB_PASSWORD": BOB}
        with uvicorn(EXAMPLES / "fastapi_site", "app:app", port, environment) as url:
            yield url
        return
    folder = EXAMPLES / "django_site"
    environment |= {
        "DJANGO_SECRET_KEY": "of this test alone",
        "DJANGO_DATABASE": str(tmp_path / "site.db"),
        "DJANGO_SUPERUSER_PASSWORD": BOB,
    }

    def manage(*words: str) -> None:
        subprocess.run([sys.executable, "manage.py", *words], cwd=folder, env=environment, check=True, capture_output=True)  # fmt: skip

    manage("migrate")
    manage("createsuperuser", "--noinput", "--username", "bob", "--email", "bob@example.org")
    manage(
        "shell", "-c",
        f"from django.contrib.auth.models import User; User.objects.create_user('ann', password={ANN!r})",
    )  # fmt: skip
    with uvicorn(folder, "project.asgi:application", port, environment) as url:
        yield url


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """What is closed at the end."""
    with ExitStack() as stack:
        yield stack


Browse = Callable[..., httpx2.Client]


@pytest.fixture
def browser(site: str, clients: ExitStack) -> Browse:
    """A browser of somebody, signed in where a name is given."""

    def opened(name: str = "", password: str = "") -> httpx2.Client:
        origin = {"origin": site}
        client = clients.enter_context(
            httpx2.Client(base_url=site, timeout=30, verify=TLS, headers=origin)
        )
        if name:
            sent = send_form(client, "/sign-in", username=name, password=password)
            assert sent.status_code in (302, 303), sent.text
        return client

    return opened


def send_form(client: httpx2.Client, path: str, **fields: str) -> httpx2.Response:
    """As a browser does, with Django's token where the project asks for one."""
    client.get("/sign-in")
    token = client.cookies.get("csrftoken")
    return client.post(path, data=fields | ({"csrfmiddlewaretoken": token} if token else {}))


def upload(client: httpx2.Client, collection: str, name: str, body: bytes) -> str:
    """Directly, as the browser's modules do; gives the file's id."""
    begun = client.post(
        "/media/api/uploads", json={"collection": collection, "filename": name, "size": len(body)}
    )
    assert begun.status_code == 201, begun.text
    session = begun.json()
    media = f"{str(client.base_url).rstrip('/')}/media"
    assert session["url"].startswith(f"{media}/storage/")
    assert begun.headers["location"] == f"{media}/api/uploads/{session['id']}"
    assert client.put(session["url"], content=body, headers=session["headers"]).status_code == 200
    done = client.post(f"/media/api/uploads/{session['id']}/complete", json={})
    assert done.status_code == 200, done.text
    published = client.post(
        f"/media/api/collections/{collection}/files", json={"upload": session["id"]}
    )
    assert published.status_code == 201, published.text
    return str(published.json()["id"])


def addresses(page: str) -> set[str]:
    found = {unescape(one) for one in ADDRESS.findall(page)}
    found = {one for one in found if "," not in one}  # a set of addresses, below
    for several in SET.findall(page):
        found |= {one.split()[0] for one in unescape(several).split(", ")}
    return found


def test_the_mounted_server_takes_shows_and_hides_files_for_the_people_of_the_site(browser: Browse):
    guest, ann, bob = browser(), browser("ann", ANN), browser("bob", BOB)
    me = ann.get("/media/api/me").json()
    assert (me["name"], me["role"]) == ("ann", "member")
    assert bob.get("/media/api/me").json()["role"] == "admin"

    made = {"name": "lakes", "title": "Lakes", "visibility": "public"}
    assert ann.post("/media/api/collections", json=made).status_code == 201
    picture = jpeg_bytes(1200, 800)
    shown = upload(ann, "lakes", "lake.jpg", picture)
    assert guest.get(f"/media/files/{shown}").content == picture

    assert ann.post("/media/api/collections", json={"name": "drafts"}).status_code == 201
    hidden = upload(ann, "drafts", "draft.jpg", jpeg_bytes(900, 600))
    seen = {who: c.get(f"/media/files/{hidden}").status_code for who, c in
            {"guest": guest, "ann": ann, "bob": bob}.items()}  # fmt: skip
    assert seen == {"guest": 401, "ann": 200, "bob": 200}
    assert guest.get("/media/gallery/drafts").status_code == 404

    assert guest.get("/media/login").status_code == 404
    assert guest.post("/media/api/login", json={"key": "x"}).status_code == 404
    evil = {"origin": "https://evil.example"}
    assert ann.delete(f"/media/api/files/{shown}", headers=evil).json()["code"] == "cross_site"

    assert send_form(ann, "/sign-out").status_code in (302, 303)
    assert ann.get("/media/api/me").status_code == 401
    assert ann.get(f"/media/files/{hidden}").status_code == 401


def test_every_address_on_its_pages_leads_below_the_mount(browser: Browse):
    ann = browser("ann", ANN)
    made = {"name": "lakes", "title": "Lakes", "visibility": "public"}
    assert ann.post("/media/api/collections", json=made).status_code == 201
    upload(ann, "lakes", "lake one.jpg", jpeg_bytes(3000, 2000))
    pages = [
        "",
        "gallery/lakes",
        "upload",
        "me",
        "me/files",
        "embed/lakes",
        "docs",
        "api/albums/lakes",
    ]
    found: set[str] = set()
    for page in pages:
        answer = ann.get(f"/media/{page}", headers={"accept": "text/html"})
        assert answer.status_code == 200, page
        found |= addresses(answer.text)
        if page.startswith("api"):
            picture = answer.json()["images"][0]
            found |= {picture["src"], picture["thumb"], picture["srcset"].split()[0]}
    assert {one for one in found if not one.startswith("/media")} <= {"/sign-in"}
    wrong = {}
    for one in sorted(found - {"/media"}):
        status = ann.get(one).status_code
        if status not in (200, 405):
            wrong[one] = status
    assert wrong == {}
    assert ann.get("/media/admin", headers={"accept": "text/html"}).status_code == 403
    sent = ann.post("/media/upload", data={"collection": "lakes"}, headers={"accept": "text/html"},
                    files={"file": ("b.jpg", jpeg_bytes(20, 20), "image/jpeg")})  # fmt: skip
    assert sent.headers["location"].startswith("/media/upload?")
    assert ann.get(sent.headers["location"]).status_code == 200


def test_a_key_of_the_server_opens_it_for_programs_whoever_signs_in(browser: Browse):
    ann = browser("ann", ANN)
    key = ann.post("/media/api/keys", json={"name": "script"}).json()["key"]
    script = browser()
    script.headers["authorization"] = f"Bearer {key}"
    assert script.get("/media/api/me").json()["name"] == "ann"
    assert (
        script.get("/media/api/me", headers={"authorization": "Bearer cim_no"}).status_code == 401
    )
