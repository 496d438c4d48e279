"""The services' protocol, as they document it, spoken by a server of the test's own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cimaise.access.challenge import hcaptcha, recaptcha, siteverify, turnstile
from cimaise.access.challenge.siteverify import SiteVerify
from cimaise.errors import UpstreamFailed, UpstreamTimedOut


@dataclass
class Service:
    """Answers what it is told to, and remembers the forms."""

    answer: Any = field(default_factory=lambda: {"success": True, "hostname": "media.example"})
    status: int = 200
    waits: asyncio.Event | None = None
    forms: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    async def verify(self, request: web.Request) -> web.StreamResponse:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.waits is not None:
            await self.waits.wait()
        if isinstance(self.answer, str):
            return web.Response(text=self.answer, status=self.status)
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    found = Service()
    application = web.Application()
    application.router.add_post("/siteverify", found.verify)
    async with TestServer(application) as server:
        found.url = str(server.make_url("/siteverify"))
        yield found


def asking(service: Service, hostname: str = "media.example") -> SiteVerify:
    return SiteVerify(turnstile.widget("site"), "secret", service.url, hostname)


async def test_the_answer_is_sent_with_the_secret_and_the_address(service: Service):
    door = asking(service)
    one = await door.verify("answer", address="192.0.2.1")
    assert one is not None
    assert one == await door.verify("answer", address="192.0.2.1")
    assert one != await door.verify("another", address="")
    assert service.forms[0] == {"secret": "secret", "response": "answer", "remoteip": "192.0.2.1"}
    assert "remoteip" not in service.forms[2]


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "error-codes": ["timeout-or-duplicate"]},
        {"success": False, "error-codes": ["invalid-input-response"]},
        {"success": True, "hostname": "evil.example"},
    ],
)
async def test_what_they_refuse_or_saw_elsewhere_is_refused(service: Service, answer: Any):
    service.answer = answer
    assert await asking(service).verify("answer", address="") is None


async def test_the_host_is_not_compared_where_they_do_not_say_it(service: Service):
    service.answer = {"success": True}
    assert await asking(service).verify("answer", address="")


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "error-codes": ["invalid-input-secret"]},
        "no JSON", "[]", {"success": "yes"}, "x" * 300_000,
    ],
)  # fmt: skip
async def test_faults_that_are_not_the_visitor_s_are_told_apart(service: Service, answer: Any):
    service.answer = answer
    with pytest.raises(UpstreamFailed):
        await asking(service).verify("answer", address="")


@pytest.mark.parametrize("status", [302, 429, 500])
async def test_a_service_that_fails_lets_nobody_in(service: Service, status: int):
    service.status = status
    with pytest.raises(UpstreamFailed):
        await asking(service).verify("answer", address="")


async def test_a_service_that_is_away_or_slow_lets_nobody_in(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    away = SiteVerify(turnstile.widget("site"), "secret", "http://127.0.0.1:9/", "")
    with pytest.raises(UpstreamFailed):
        await away.verify("answer", address="")
    service.waits = asyncio.Event()
    monkeypatch.setattr(siteverify, "_TIMEOUT_S", 0.05)
    with pytest.raises(UpstreamTimedOut):
        await asking(service).verify("answer", address="")
    service.waits.set()


def test_each_service_has_a_field_and_sources_of_its_own():
    widgets = [one.widget("site") for one in (turnstile, hcaptcha, recaptcha)]
    assert len({one.field for one in widgets}) == 3
    for one in widgets:
        sources = (*one.scripts, *one.frames, *one.styles)
        assert all(source.startswith("https://") for source in sources)
        assert not {"https:", "https://*"} & set(sources)
    for url in (turnstile.VERIFY_URL, hcaptcha.VERIFY_URL, recaptcha.VERIFY_URL):
        assert url.startswith("https://")
