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

TURNSTILE = {
    "success": True, "challenge_ts": "2026-02-28T15:14:30.096Z", "hostname": "media.example",
    "error-codes": [], "action": "cimaise", "cdata": "", "metadata": {"ephemeral_id": "x:9f78e0"},
}  # fmt: skip
HCAPTCHA = {
    "success": True, "challenge_ts": "2026-02-28T15:14:30.000000Z", "hostname": "media.example",
    "credit": False,
}  # fmt: skip
RECAPTCHA = {
    "success": True, "challenge_ts": "2026-02-28T15:14:30Z", "hostname": "media.example",
}  # fmt: skip


@dataclass
class Service:
    """Answers what it is told to, and remembers the forms."""

    answer: Any = field(default_factory=lambda: {"success": True, "hostname": "media.example"})
    status: int = 200
    waits: asyncio.Event | None = None
    forms: list[dict[str, str]] = field(default_factory=list)
    wire: list[tuple[str, str, bytes]] = field(default_factory=list)
    url: str = ""

    async def verify(self, request: web.Request) -> web.StreamResponse:
        self.wire.append((request.method, request.content_type, await request.read()))
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
        {"success": False, "error-codes": ["already-seen-response"]},
        {"success": False, "error-codes": ["expired-input-response"]},
        {"success": True, "hostname": "evil.example"},
        {"success": True, "hostname": "media.example", "action": "newsletter"},
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
        {"success": False, "error-codes": ["not-using-dummy-passcode"]},
        "no JSON", "[]", {"success": "yes"}, "x" * 300_000,
    ],
)  # fmt: skip
async def test_faults_that_are_not_the_visitor_s_are_told_apart(service: Service, answer: Any):
    service.answer = answer
    with pytest.raises(UpstreamFailed):
        await asking(service).verify("answer", address="")


async def test_the_question_is_a_form_of_three_fields_whatever_the_answer_holds(service: Service):
    await asking(service).verify("a=b&c d+é", address="2001:db8::1")
    (method, kind, body) = service.wire[0]
    assert (method, kind) == ("POST", "application/x-www-form-urlencoded")
    assert body == b"secret=secret&response=a%3Db%26c+d%2B%C3%A9&remoteip=2001%3Adb8%3A%3A1"


@pytest.mark.parametrize("answer", [TURNSTILE, HCAPTCHA, RECAPTCHA])
async def test_what_each_of_them_answers_to_a_right_one_is_understood(
    service: Service, answer: dict[str, Any]
):
    service.answer = answer
    assert await asking(service).verify("answer", address="")


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
