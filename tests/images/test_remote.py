import asyncio
import errno
import socket
from ipaddress import ip_network

import pytest

from cimaise.errors import (
    Malformed,
    TooLarge,
    TypeNotAllowed,
    Unavailable,
    UpstreamFailed,
    UpstreamTimedOut,
)
from cimaise.images.remote.fetching import Remote
from cimaise.images.spool import IN_MEMORY_BYTES
from tests.kit.picture_server import reply, resolver

LOOPBACK = (ip_network("127.0.0.0/8"),)
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 20


@pytest.fixture
async def remote(certificate, tmp_path):
    made = Remote(
        allow_addresses=LOOPBACK,
        ca_file=str(certificate.certificate),
        resolve=resolver(pictures_test=["127.0.0.1"], other_test=["127.0.0.1"]),
        folder=tmp_path,
        max_bytes=4 * IN_MEMORY_BYTES,
    )
    yield made
    await made.close()


async def test_a_picture_is_fetched_with_its_name_and_nothing_of_the_caller(remote, server):
    server.answers["/a%20b.png?x=1"] = reply(200, PNG, "Image/PNG; charset=x", Set_Cookie="a=b")
    for _ in range(2):
        async with remote.fetch(server.url("/a%20b.png?x=1#fragment")) as fetched:
            assert fetched.source == PNG
            assert fetched.media_type == "image/png"
            assert fetched is not None
            assert fetched.size == len(PNG)
            assert fetched.url == server.url("/a%20b.png?x=1")
    head = server.requests[1].lower()
    assert f"host: pictures.test:{server.port}" in head
    assert "accept-encoding: identity" in head
    for name in ("cookie", "referer", "authorization", "x-forwarded"):
        assert name not in head


async def test_a_large_picture_lies_in_a_file_that_is_gone_afterwards(remote, server, tmp_path):
    body = PNG + b"x" * (2 * IN_MEMORY_BYTES)
    server.answers["/big"] = reply(200, body)
    async with remote.fetch(server.url("/big")) as fetched:
        assert fetched.source.parent == tmp_path
        assert fetched.source.read_bytes() == body
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_is_no_failure_of_the_other_server(remote, server, monkeypatch):
    server.answers["/big"] = reply(200, PNG + b"x" * (2 * IN_MEMORY_BYTES))

    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(Unavailable):
        async with remote.fetch(server.url("/big")):
            pass


@pytest.mark.parametrize("length", ["", None])
async def test_a_body_above_the_limit_is_refused_with_and_without_a_length(
    remote, server, length, tmp_path
):
    body = PNG + b"x" * (4 * IN_MEMORY_BYTES)
    more = {} if length is None else {"Content_Length": length, "Connection": "close"}
    server.answers["/huge"] = reply(200, body, **more)
    with pytest.raises(TooLarge) as refusal:
        async with remote.fetch(server.url("/huge")):
            pass
    assert refusal.value.limit is not None
    assert refusal.value.limit.name == "max_source_bytes"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_three_redirects_are_followed(remote, server, status):
    server.answers["/1"] = reply(status, b"", Location="/2")
    server.answers["/2"] = reply(status, b"", Location=server.url("/3", "other.test"))
    server.answers["/3"] = reply(status, b"", Location="a/../4")
    server.answers["/4"] = reply(200, PNG)
    async with remote.fetch(server.url("/1")) as fetched:
        assert fetched.url == server.url("/4", "other.test")


async def test_a_fourth_redirect_and_a_circle_are_refused(remote, server):
    server.answers["/1"] = reply(302, b"", Location="/1")
    with pytest.raises(UpstreamFailed):
        async with remote.fetch(server.url("/1")):
            pass
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "location",
    [
        "http://pictures.test/",
        "https://user@pictures.test/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://0x0a000001/",
        "//10.0.0.1/",
        "//192.168.1.1:443/x",
        "file:///etc/passwd",
        "ftp://pictures.test/",
        "data:image/png,x",
        "javascript:x",
        "https://evil.test/",
        "https://mixed.test/",
    ],
)
async def test_a_redirect_to_what_is_not_allowed_is_refused(
    certificate, server, location, tmp_path
):
    names = resolver(
        pictures_test=["127.0.0.1"], evil_test=["10.0.0.1"], mixed_test=["127.0.0.1", "10.0.0.1"]
    )
    remote = Remote(allow_addresses=LOOPBACK, ca_file=str(certificate.certificate), resolve=names)
    server.answers["/1"] = reply(302, b"", Location=location)
    try:
        with pytest.raises(Malformed) as refusal:
            async with remote.fetch(server.url("/1")):
                pass
        assert refusal.value.code == "url_not_allowed"
    finally:
        await remote.close()


@pytest.mark.parametrize("location", ["", "\\\\10.0.0.1", "https://[", "https://\x01"])
async def test_a_redirect_to_nowhere_is_a_failure_of_the_other_server(remote, server, location):
    server.answers["/1"] = reply(302, b"", Location=location)
    with pytest.raises((UpstreamFailed, Malformed)):
        async with remote.fetch(server.url("/1")):
            pass


async def test_a_name_that_changes_its_address_is_checked_at_each_connection(certificate, server):
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(host, port):
        return next(answers)

    remote = Remote(
        allow_addresses=LOOPBACK, ca_file=str(certificate.certificate), resolve=rebinding
    )
    server.answers["/1"] = reply(302, b"", Location="/2")
    try:
        with pytest.raises(Malformed):
            async with remote.fetch(server.url("/1")):
                pass
    finally:
        await remote.close()


async def test_only_allowed_hosts_are_asked(certificate, server):
    remote = Remote(
        allow_addresses=LOOPBACK,
        allowed_hosts=("Pictures.test", "*.cdn.test"),
        ca_file=str(certificate.certificate),
        resolve=resolver(pictures_test=["127.0.0.1"], other_test=["127.0.0.1"]),
    )
    server.answers["/a"] = reply(200, PNG)
    server.answers["/r"] = reply(302, b"", Location=server.url("/a", "other.test"))
    try:
        async with remote.fetch(server.url("/a", "PICTURES.test")) as fetched:
            assert fetched is not None
            assert fetched.size == len(PNG)
        assert remote.parse("https://a.cdn.test/x").host == "a.cdn.test"
        refused = ("other.test", "cdn.test", "evilcdn.test", "pictures.test.evil", "127.0.0.1")
        for url in [*(server.url("/a", host) for host in refused), server.url("/r")]:
            with pytest.raises(Malformed):
                async with remote.fetch(url):
                    pass
    finally:
        await remote.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404, b""), UpstreamFailed),
        (reply(500, PNG), UpstreamFailed),
        (reply(206, PNG), UpstreamFailed),
        (reply(304, b""), UpstreamFailed),
        (reply(200, PNG, "text/html"), TypeNotAllowed),
        (reply(200, b"\0" * 99, "application/octet-stream"), TypeNotAllowed),
        (reply(200, b"<html>" * 20, ""), TypeNotAllowed),
        (reply(200, PNG, "imagex/png"), TypeNotAllowed),
        (reply(200, PNG, "image/"), TypeNotAllowed),
        (reply(200, b"<html>" * 20, "image/png"), TypeNotAllowed),
        (reply(200, b"", "image/png"), TypeNotAllowed),
        (reply(200, b"\x1f\x8b" + PNG, "image/png", Content_Encoding="gzip"), TypeNotAllowed),
        (reply(200, PNG, Content_Length="9000"), UpstreamFailed),
        (reply(200, PNG, Content_Length="-1"), UpstreamFailed),
        (reply(200, b"zz\r\n", Content_Length="", Transfer_Encoding="chunked"), UpstreamFailed),
        (b"nonsense\r\n\r\n", UpstreamFailed),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", UpstreamFailed),
        (b"", UpstreamFailed),
    ],
)
async def test_what_the_other_server_does_wrong_has_a_name(remote, server, answer, error):
    server.answers["/a"] = answer
    with pytest.raises(error):
        async with remote.fetch(server.url("/a")):
            pass


async def test_silence_ends_with_the_time_limit(certificate, server):
    remote = Remote(
        timeout_s=0.2,
        allow_addresses=LOOPBACK,
        ca_file=str(certificate.certificate),
        resolve=resolver(pictures_test=["127.0.0.1"]),
    )
    server.answers["/a"] = None
    try:
        with pytest.raises(UpstreamTimedOut):
            async with remote.fetch(server.url("/a")):
                pass
    finally:
        await remote.close()


async def test_a_certificate_that_is_not_trusted_or_for_another_name_is_refused(
    certificate, server
):
    names = resolver(pictures_test=["127.0.0.1"], wrong_test=["127.0.0.1"])
    server.answers["/a"] = reply(200, PNG)
    for ca_file, host in (("", "pictures.test"), (str(certificate.certificate), "wrong.test")):
        remote = Remote(allow_addresses=LOOPBACK, ca_file=ca_file, resolve=names)
        try:
            with pytest.raises(UpstreamFailed):
                async with remote.fetch(server.url("/a", host)):
                    pass
        finally:
            await remote.close()
    assert server.requests == []


async def test_nothing_listening_and_no_such_name_are_failures_of_the_other_server(remote):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for host in ("pictures.test", "unknown.test"):
        with pytest.raises(UpstreamFailed):
            async with remote.fetch(f"https://{host}:{port}/"):
                pass


async def test_proxies_of_the_environment_are_not_used(remote, server, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.answers["/a"] = reply(200, PNG)
    async with remote.fetch(server.url("/a")) as fetched:
        assert fetched.source == PNG


async def test_more_fetches_than_places_are_answered_busy(certificate, server):
    remote = Remote(
        at_once=1,
        queue=0,
        allow_addresses=LOOPBACK,
        ca_file=str(certificate.certificate),
        resolve=resolver(pictures_test=["127.0.0.1"]),
    )
    server.answers["/a"] = reply(200, PNG)
    try:
        async with remote.fetch(server.url("/a")):
            with pytest.raises(Unavailable) as refusal:
                async with remote.fetch(server.url("/a")):
                    pass
            assert refusal.value.code == "busy"
        async with remote.fetch(server.url("/a")) as fetched:
            assert fetched is not None
            assert fetched.size == len(PNG)
    finally:
        await remote.close()


async def test_a_cancelled_fetch_leaves_no_file_and_no_place_taken(
    certificate, server, tmp_path, wait_until
):
    remote = Remote(
        at_once=1,
        queue=0,
        folder=tmp_path,
        allow_addresses=LOOPBACK,
        ca_file=str(certificate.certificate),
        resolve=resolver(pictures_test=["127.0.0.1"]),
    )
    body = PNG + b"x" * (2 * IN_MEMORY_BYTES)
    server.answers["/cut"] = reply(200, body, Content_Length=str(len(body) + 1))
    server.answers["/silent"] = None
    server.answers["/a"] = reply(200, PNG)

    async def fetch():
        async with remote.fetch(server.url("/silent")):
            pass

    try:
        with pytest.raises(UpstreamFailed):
            async with remote.fetch(server.url("/cut")):
                pass
        assert list(tmp_path.iterdir()) == []
        waiting = asyncio.create_task(fetch())
        await wait_until(lambda: len(server.requests) == 2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with remote.fetch(server.url("/a")) as fetched:
            assert fetched is not None
            assert fetched.size == len(PNG)
    finally:
        await remote.close()


@pytest.mark.parametrize("declared", ["image/jpeg", "application/octet-stream", "", "image/x-y"])
async def test_the_type_is_what_the_bytes_say(remote, server, declared):
    server.answers["/a"] = reply(200, PNG, declared)
    async with remote.fetch(server.url("/a")) as fetched:
        assert fetched is not None
        assert fetched.media_type == "image/png"


async def test_asked_with_what_is_known_a_server_may_say_that_nothing_changed(remote, server):
    server.answers["/a"] = reply(200, PNG, ETag='"one"', Last_Modified="Fri, 27 Nov 2026 09:00 GMT")
    async with remote.fetch(server.url("/a")) as fetched:
        assert fetched is not None
        known = fetched.validators
    server.answers["/a"] = reply(304, b"")
    async with remote.fetch(server.url("/a"), known) as fetched:
        assert fetched is None
    head = server.requests[-1].lower()
    assert 'if-none-match: "one"' in head
    assert "if-modified-since: fri, 27 nov 2026 09:00 gmt" in head


@pytest.mark.parametrize("etag", ["\xe9", "x" * 300])
async def test_a_validator_that_could_not_be_sent_back_is_not_kept(remote, server, etag):
    server.answers["/a"] = reply(200, PNG, ETag=etag)
    async with remote.fetch(server.url("/a")) as fetched:
        assert fetched is not None
        assert fetched.validators.conditions() == {}
