"""Below a path: what comes in loses it, what leads back has it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cimaise.settings import Settings
from cimaise.web.asgi.mounting import ARRIVED, at_the_root
from tests.kit.application import running_application

TEMPLATES = Path(__file__).resolve().parents[2] / "src/cimaise/web/templates"


async def passed(base: str, **scope: Any) -> dict[str, Any]:
    """What the application inside is given."""
    seen: list[dict[str, Any]] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    await at_the_root(inside, base)({"type": "http", **scope}, nothing, nothing)
    return seen[0]


@pytest.mark.parametrize(
    ("base", "root", "path", "raw", "inner", "inner_raw"),
    [
        ("", "", "/a b", b"/a%20b", "/a b", b"/a%20b"),
        ("/media", "/media", "/media/a b", b"/media/a%20b", "/a b", b"/a%20b"),  # mounted
        ("/media", "/media", "/media", b"/media", "/", b"/"),
        ("/media", "", "/media/x", b"/media/x", "/x", b"/x"),  # a proxy left it
        ("/media", "", "/x", b"/x", "/x", b"/x"),  # a proxy took it off
        ("/media", "", "/mediation", b"/mediation", "/mediation", b"/mediation"),
        ("/media", "/media", "/x", b"/x", "/x", b"/x"),  # servers before ASGI 2.5 said it so
        ("/out/media", "/media", "/media/x", b"/media/x", "/x", b"/x"),  # both
        ("/media", "/media", "/media/x", b"/%6dedia/x", "/x", None),
        ("/media", "/media", "/media/x", None, "/x", None),
    ],
)
async def test_what_is_inside_sees_addresses_from_the_root(
    base: str, root: str, path: str, raw: bytes | None, inner: str, inner_raw: bytes | None
):
    scope = await passed(base, root_path=root, path=path, raw_path=raw)
    assert (scope["path"], scope["raw_path"], scope["root_path"]) == (inner, inner_raw, "")
    assert scope[ARRIVED]["path"] == path


async def test_a_mount_that_the_public_url_does_not_know_is_a_loud_fault():
    with pytest.raises(ValueError, match=r"mounted at /pictures"):
        await passed("/media", root_path="/pictures", path="/pictures/x", raw_path=None)


def test_no_template_writes_an_address_without_the_base():
    bare = re.compile(r"""(?:href|src|action|data-[a-z-]+)=["']/|srcset="\{\{ (?!tile\.)""")
    named = {path.name: bare.findall(path.read_text()) for path in TEMPLATES.rglob("*.html")}
    assert {name: found for name, found in named.items() if found} == {}


def below_media(settings: Settings) -> Settings:
    url = f"http://127.0.0.1:{settings.server.port}/media"
    return replace(settings, server=replace(settings.server, public_url=url))


def test_the_server_alone_answers_below_a_path_as_well(tmp_path: Path):
    with running_application(tmp_path, below_media) as running:
        root = running.url.removesuffix("/media")
        with running.client(running.person("ann")) as ann, httpx2.Client(base_url=root) as guest:
            assert ann.get("api/me").json()["name"] == "ann"  # the proxy left /media
            answer = guest.get("/upload", headers={"accept": "text/html"})  # it took it off
            assert 'action="/media/login"' in answer.text
            shown = guest.get("/media/api/albums").json()
            assert shown["albums"] == []
            sent = guest.get("/media/gallery/inbox", headers={"accept": "text/html"})
            assert 'href="/media/static/' in sent.text
