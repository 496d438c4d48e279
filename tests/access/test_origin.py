import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.origin import is_same_origin

PUBLIC = "https://media.example.org"
HOST = "media.example.org"


def ask(
    origin: str | None = None,
    site: str | None = None,
    host: str | None = HOST,
    method: str = "POST",
    public_url: str = PUBLIC,
) -> bool:
    return is_same_origin(
        method, origin=origin, sec_fetch_site=site, host=host, public_url=public_url
    )


@pytest.mark.parametrize(
    ("what", "origin", "site", "host"),
    [
        ("another site's form", "https://evil.example", "cross-site", HOST),
        ("another site's form in an old browser", "https://evil.example", None, HOST),
        ("a sibling domain", "https://blog.example.org", "same-site", HOST),
        ("a sibling domain in an old browser", "https://blog.example.org", None, HOST),
        ("a child domain", "https://x.media.example.org", None, HOST),
        ("our name as a child of theirs", "https://media.example.org.evil.example", None, HOST),
        ("our name as a part of theirs", "https://evilmedia.example.org", None, HOST),
        ("our name as a user name", "https://media.example.org@evil.example", None, HOST),
        ("their name as a user name", "https://evil.example@media.example.org", None, HOST),
        ("our name in a path", "https://evil.example/media.example.org", None, HOST),
        ("our origin with a path", "https://media.example.org/x", None, HOST),
        ("our origin with a slash", "https://media.example.org/", None, HOST),
        ("plain http to the same name", "http://media.example.org", None, HOST),
        ("plain http and its port", "http://media.example.org:80", None, HOST),
        ("another port", "https://media.example.org:8443", None, HOST),
        ("a sandboxed frame", "null", "cross-site", HOST),
        ("a sandboxed frame in an old browser", "null", None, HOST),
        ("neither header", None, None, HOST),
        ("an empty origin", "", None, HOST),
        ("an empty site", None, "", HOST),
        ("two origins", "https://media.example.org https://evil.example", None, HOST),
        ("two origins with a comma", "https://media.example.org, https://evil.example", None, HOST),
        ("an unknown site", None, "same-planet", HOST),
        ("two sites", None, "same-origin, cross-site", HOST),
        ("same-site without an origin", None, "same-site", HOST),
        ("headers that contradict each other", "https://evil.example", "same-origin", HOST),
        ("a user's own act with a foreign origin", "https://evil.example", "none", HOST),
        ("our origin and a foreign site", PUBLIC, "cross-site", HOST),
        ("a file", "file://", None, HOST),
        ("an extension", "chrome-extension://abcdefgh", None, HOST),
        ("another scheme with our name", "ftp://media.example.org", None, HOST),
        ("a line break", "https://media.example.org\n", None, HOST),
        ("a NUL", "https://media.example.org\0.evil.example", None, HOST),
        ("no host and a foreign origin", "https://evil.example", None, None),
        ("letters that only look like ours", "https://m\u0435dia.example.org", None, HOST),
    ],
)  # fmt: skip
def test_an_attack_is_refused(what: str, origin: str | None, site: str | None, host: str | None):
    assert not ask(origin, site, host), what


@pytest.mark.parametrize(
    ("what", "origin", "site", "host"),
    [
        ("a page of ours", PUBLIC, "same-origin", HOST),
        ("a page of ours in an old browser", PUBLIC, None, HOST),
        ("a page of ours that hides its address", "null", "same-origin", HOST),
        ("a page of ours without an origin", None, "same-origin", HOST),
        ("the user in person", None, "none", HOST),
        ("behind a proxy that changes the host", PUBLIC, None, "backend:3023"),
        ("the default port written out", "https://media.example.org:443", None, HOST),
        ("upper case", "HTTPS://Media.Example.Org", None, HOST),
        ("another name of this machine", "http://192.168.1.5:3023", None, "192.168.1.5:3023"),
        ("an IPv6 address", "http://[::1]:3023", None, "[::1]:3023"),
        ("a host without its default port", "http://localhost:80", None, "localhost"),
    ],
)
def test_our_own_pages_are_let_in(
    what: str, origin: str | None, site: str | None, host: str | None
):
    assert ask(origin, site, host), what


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_asks_for_no_proof(method: str):
    assert ask("https://evil.example", "cross-site", method=method)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", "QUERY", ""])
def test_every_other_method_asks_for_proof(method: str):
    assert not ask("https://evil.example", "cross-site", method=method)


def test_a_public_address_with_a_path_is_judged_by_its_origin():
    assert ask("https://example.org", host=None, public_url="https://example.org/media")
    assert not ask("https://example.com", host=None, public_url="https://example.org/media")


@given(st.text(), st.text(), st.text())
def test_any_headers_are_judged_without_a_fault(origin: str, site: str, host: str):
    assert ask(origin, site, host) in (True, False)
    if ask(origin, None, host):
        assert origin.lower().startswith(("http://", "https://"))
