"""Signing in with a challenge of a service: its widget, under our policy, and its verification."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from cimaise.settings import Settings
from tests.browser.conftest import Visitor
from tests.kit.application import RunningApplication, running_application
from tests.kit.challenge_services import (
    ANSWER,
    SERVICES,
    Documented,
    Verifier,
    script_of,
    verifying,
)

pytestmark = pytest.mark.slow


@dataclass
class Site:
    """A server that asks the challenge of a service after one failed sign-in."""

    running: RunningApplication
    kind: str
    service: Documented
    verifier: Verifier


@pytest.fixture(params=SERVICES)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    kind: str = request.param
    with verifying(SERVICES[kind], "127.0.0.1") as verifier:

        def change(settings: Settings) -> Settings:
            challenge = replace(
                settings.challenge, kind=kind, site_key="our-site-key", secret_key="our-secret",
                verify_url=verifier.url, after_failures=1,
            )  # fmt: skip
            return replace(settings, challenge=challenge)

        with running_application(tmp_path_factory.mktemp(kind), change) as running:
            yield Site(running, kind, SERVICES[kind], verifier)


def stand_in(visitor: Visitor, service: Documented) -> list[str]:
    """Answer in the service's place; gives the addresses that are asked for, as they come."""
    asked: list[str] = []
    answers = {
        service.script: ("text/javascript", script_of(service)),
        service.frame: ("text/html", "<title>challenge</title>"),
        service.style: ("text/css", ""),
    } | dict.fromkeys(service.scripts, ("text/javascript", ""))

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        kind, body = answers.get(route.request.url, ("text/plain", ""))
        route.fulfill(status=200, content_type=kind, body=body)

    visitor.context.route(lambda url: url.startswith("https://"), answer)
    return asked


def fill(page: Page, password: str) -> None:
    page.get_by_label("Name or e-mail address").fill("maria")
    page.get_by_label("Password").fill(password)


def test_a_person_signs_in_with_the_widget_of_the_service(browser: Browser, site: Site):
    with site.running.client(site.running.person("maria")) as client:
        client.put("/api/me/password", json={"new": "mongoose tale"}).raise_for_status()
    context = browser.new_context(base_url=site.running.url)
    context.set_default_timeout(30_000)
    visitor = Visitor(context, site.running.url)
    asked = stand_in(visitor, site.service)
    page = visitor.page
    page.goto("/login")
    assert asked == []
    fill(page, "something else")
    page.get_by_role("button", name="Sign in", exact=True).click()
    widget = page.locator(f".{site.service.element}[data-solved]")
    expect(widget).to_have_attribute("data-sitekey", "our-site-key")
    assert asked[0] == site.service.script
    expected = {site.service.script, site.service.frame, site.service.style, *site.service.scripts}
    assert set(asked) == expected - {""}
    faults = [fault for fault in visitor.faults if "401" not in fault]  # the failed sign-in's own
    assert faults == []
    fill(page, "mongoose tale")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/")
    expect(page.get_by_role("link", name="maria")).to_be_visible()
    (form,) = site.verifier.forms
    assert form == {"secret": "our-secret", "response": ANSWER, "remoteip": "127.0.0.1"}
    context.close()


def test_an_answer_that_was_used_before_opens_nothing(site: Site):
    with site.running.client(site.running.person("maria")) as client:
        client.put("/api/me/password", json={"new": "mongoose tale"}).raise_for_status()
    right = {"name": "maria", "password": "mongoose tale"}
    with site.running.client() as client:
        wrong = right | {"password": "something else"}
        assert client.post("/api/login", json=wrong).status_code == 401
        told = client.get("/api/challenge").json()
        assert (told["kind"], told["site_key"]) == (site.kind, "our-site-key")
        answer = {"Challenge-Answer": ANSWER}
        assert client.post("/api/login", json=right).json()["code"] == "challenge_needed"
        assert client.post("/api/login", json=right, headers=answer).is_success
    with site.running.client() as another:
        again = another.post("/api/login", json=right, headers=answer)
        assert (again.status_code, again.json()["code"]) == (403, "challenge_needed")


@pytest.mark.parametrize("source", ["https://evil.example/x.js", "https://evil.example/frame"])
def test_nothing_of_anybody_else_is_let_into_the_page(browser: Browser, site: Site, source: str):
    visitor = Visitor(browser.new_context(base_url=site.running.url), site.running.url)
    asked = stand_in(visitor, site.service)
    page = visitor.page
    page.goto("/login")
    fill(page, "something else")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator(f".{site.service.element}[data-solved]").wait_for(state="attached")
    broken = page.evaluate(
        """(source) => new Promise((done) => {
          document.addEventListener("securitypolicyviolation", (it) => done(it.effectiveDirective));
          const made = document.createElement(source.endsWith(".js") ? "script" : "iframe");
          made.src = source;
          document.body.append(made);
        })""",
        source,
    )
    assert broken == ("script-src-elem" if source.endswith(".js") else "frame-src")
    assert source not in asked
    visitor.context.close()
