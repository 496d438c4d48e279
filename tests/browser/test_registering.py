"""Registering in a browser: the widget solves its challenge under the policy of our pages."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Route, expect

from cimaise.settings import Settings
from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import findings
from tests.kit.application import RunningApplication, running_application

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    """Anybody may register."""

    def change(settings: Settings) -> Settings:
        return replace(settings, registration=replace(settings.registration, open=True))

    with running_application(tmp_path_factory.mktemp("open"), change) as running:
        yield running


def window(browser: Browser, site: RunningApplication, **how: object) -> Visitor:
    context = browser.new_context(base_url=site.url, **how)  # type: ignore[arg-type]
    context.set_default_timeout(30_000)
    return Visitor(context, site.url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_stranger_registers_with_the_work_done_by_the_browser(
    browser: Browser, open_site: RunningApplication, scheme: str
):
    visitor = window(browser, open_site, color_scheme=scheme, reduced_motion="reduce")
    page = visitor.page
    page.goto("/login")
    page.get_by_role("link", name="Register").click()
    expect(page.get_by_text("Verified")).to_be_visible()
    assert findings(page) == []
    page.get_by_label("Name").fill(f"stranger-{scheme}")
    page.get_by_label("Password").fill("mongoose tale")
    page.get_by_role("button", name="Make my account").click()
    page.wait_for_url("**/me")
    expect(page.get_by_role("heading", name=f"stranger-{scheme}")).to_be_visible()
    visitor.assert_clean()
    visitor.context.close()


def test_the_sign_in_asks_after_failures_and_takes_the_browser_s_work(
    browser: Browser, open_site: RunningApplication
):
    person = open_site.person("forgetful")
    with open_site.client(person) as client:
        client.put("/api/me/password", json={"new": "mongoose tale"})
    visitor = window(browser, open_site)
    page = visitor.page
    page.goto("/login")
    for _ in range(3):
        page.get_by_label("Name or e-mail address").fill("forgetful")
        page.get_by_label("Password").fill("something else")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
    expect(page.get_by_text("Verified")).to_be_visible()
    page.get_by_label("Name or e-mail address").fill("forgetful")
    page.get_by_label("Password").fill("mongoose tale")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/")
    expect(page.get_by_role("link", name="forgetful")).to_be_visible()
    visitor.context.close()


def test_a_form_that_is_sent_early_waits_for_the_browser_s_work(
    browser: Browser, open_site: RunningApplication
):
    visitor = window(browser, open_site)
    page = visitor.page
    held: list[Route] = []
    page.route("**/api/challenge", lambda route: held.append(route))  # noqa: PLW0108 (playwright marks it)
    with page.expect_request("**/api/challenge"):
        page.goto("/register")
    page.get_by_label("Name").fill("early-bird")
    page.get_by_label("Password").fill("mongoose tale")
    page.get_by_role("button", name="Make my account").click()
    expect(page.get_by_text("Checking your browser")).to_be_visible()
    held.pop().continue_()
    page.wait_for_url("**/me")
    visitor.assert_clean()
    visitor.context.close()


def test_a_check_that_failed_can_be_tried_again(browser: Browser, open_site: RunningApplication):
    page = window(browser, open_site).page
    page.route("**/api/challenge", lambda route: route.abort(), times=1)
    page.goto("/register")
    expect(page.get_by_text("The check could not be made.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Verified")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    page.context.close()


def test_without_script_the_page_says_what_to_do_instead(
    browser: Browser, open_site: RunningApplication
):
    page = window(browser, open_site, java_script_enabled=False).page
    page.goto("/register")
    expect(page.get_by_text("This step needs JavaScript")).to_be_visible()
    page.get_by_role("link", name="sign in with an API key").click()
    expect(page.get_by_label("API key")).to_be_visible()
    page.context.close()
