"""Signing in with a certified provider, in a browser's way: redirects, cookies, pages."""

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest

from cimaise.settings import Settings
from tests.kit.application import RunningApplication, running_application
from tests.kit.free_port import free_port
from tests.kit.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider, running_provider, signing_key

HTML = {"accept": "text/html"}
OWN = {"Sec-Fetch-Site": "same-origin"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port() -> int:
    """Of the provider, which has to be known before either server starts."""
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[RunningApplication]:
    def change(settings: Settings) -> Settings:
        oidc = replace(
            settings.oidc, issuer=f"http://127.0.0.1:{port}", client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET, create=True, label="Example ID",
        )  # fmt: skip
        return replace(settings, oidc=oidc)

    with running_application(tmp_path_factory.mktemp("oidc"), change) as running:
        yield running


@pytest.fixture(scope="module")
def there(server: RunningApplication, port: int) -> Iterator[OidcProvider]:
    callback = f"{server.url}/oidc/callback"
    with running_provider(
        callback, keys=[signing_key("k1")], port=port, home=server.url
    ) as running:
        yield running


def sign_in(
    browser: httpx2.Client, there: OidcProvider, who: str, following: str = "/me"
) -> httpx2.Response:
    answer = browser.get(f"/oidc/start?next={following}")
    assert answer.status_code == 302
    return browser.get(there.walk(browser, answer.headers["location"], who))


def test_the_sign_in_page_leads_there_and_back(server: RunningApplication, there: OidcProvider):
    with server.client() as browser:
        assert "Sign in with Example ID" in browser.get("/login?next=/upload", headers=HTML).text
        answer = sign_in(browser, there, "subject-maria", "/upload")
        assert (answer.status_code, answer.headers["location"]) == (302, "/upload")
        assert browser.get("/api/me").json()["name"] == "maria"
        assert "cimaise_oidc" not in browser.cookies


@pytest.mark.parametrize("following", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_way_back_leads_to_no_other_site(
    server: RunningApplication, there: OidcProvider, following: str
):
    with server.client() as browser:
        assert sign_in(browser, there, "subject-maria", following).headers["location"] == "/"


def test_an_answer_in_another_browser_signs_nobody_in(
    server: RunningApplication, there: OidcProvider
):
    with server.client() as browser, server.client() as victim:
        begun = browser.get("/oidc/start").headers["location"]
        back = there.walk(browser, begun, "subject-maria")
        answer = victim.get(back, headers=HTML)
        assert answer.status_code == 401
        assert "another browser" in answer.text
        assert victim.get(back).json()["code"] == "bad_credentials"
        assert victim.get("/api/me").status_code == 401


def test_the_page_after_signing_out_offers_to_sign_out_there(
    server: RunningApplication, there: OidcProvider
):
    with server.client() as browser:
        sign_in(browser, there, "subject-maria")
        left = browser.post("/logout", headers=OWN | HTML)
        assert (left.status_code, left.headers["location"]) == (303, "/signed-out")
        shown = browser.get("/signed-out", headers=HTML).text
        assert f"{there.issuer}/session/end?client_id={CLIENT_ID}" in shown
        assert browser.get("/api/me").status_code == 401


def test_an_account_is_connected_from_its_own_page(server: RunningApplication, there: OidcProvider):
    person = server.person("local")
    with server.client() as browser:
        browser.post("/api/login", json={"key": person.key})
        assert "Connect with Example ID" in browser.get("/me/access", headers=HTML).text
        refused = browser.post("/me/access/oidc", headers={"Origin": "https://evil.example"})
        assert refused.status_code == 403
        shown = browser.post("/me/access/oidc", headers=OWN | HTML)
        (url,) = [one.split('"')[0] for one in shown.text.split('href="') if "/auth?" in one]
        back = there.walk(browser, url.replace("&amp;", "&"), "subject-odd")
        assert browser.get(back).headers["location"] == "/me/access"
    with server.client() as browser:
        sign_in(browser, there, "subject-odd")
        assert browser.get("/api/me").json()["name"] == "local"


def test_neither_code_nor_state_is_in_the_log(
    server: RunningApplication, there: OidcProvider, capfd: pytest.CaptureFixture[str]
):
    with server.client() as browser:
        begun = browser.get("/oidc/start").headers["location"]
        back = there.walk(browser, begun, "subject-maria")
        browser.get(back)
    out = "".join(capfd.readouterr())
    assert httpx2.URL(back).params["code"] not in out


def test_without_a_provider_there_is_no_such_page(
    tmp_path_factory: pytest.TempPathFactory,
):
    with running_application(tmp_path_factory.mktemp("none")) as running, running.client() as guest:
        assert guest.get("/oidc/start").status_code == 404
        assert guest.get("/oidc/callback?code=a&state=b").status_code == 404
        assert "/oidc/start" not in guest.get("/login", headers=HTML).text
