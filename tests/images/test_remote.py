import asyncio
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
from cimaise.images.addresses import is_allowed
from cimaise.images.remote import Remote
from cimaise.images.spool import IN_MEMORY_BYTES
from tests.kit.picture_server import reply

LOOPBACK = (ip_network("127.0.0.0/8"),)
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 20

FORBIDDEN_ADDRESSES = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2606:4700::1111%eth0",
    "not-an-address",
    "",
    "1.2.3",
    "0x7f.0.0.1",
    "0177.0.0.1",
]

REFUSED_URLS = [
    "",
    "x",
    "//example.org/a.png",
    "/albums/a.png",
    "http://example.org/a.png",
    "HTTP://example.org/a.png",
    "ftp://example.org/a.png",
    "file:///etc/passwd",
    "gopher://example.org/",
    "data:image/png;base64,AAAA",
    "https:example.org",
    "https:/example.org",
    "https://",
    "https:///a.png",
    "https://?a",
    "https://#a",
    "https://user@example.org/",
    "https://user:word@example.org/",
    "https://example.org@127.0.0.1/",
    "https://@example.org/",
    "https://:x@example.org/",
    "https://example.org:443@127.0.0.1/",
    "https://127.0.0.1\\@example.org/",
    "https:\\\\127.0.0.1/",
    "https://exa mple.org/",
    " https://example.org/",
    "https://example.org/a b",
    "https://example.org/\r\nX: y",
    "https://example.org/\0",
    "https://example.org\t/",
    "https://example.org:0443a/",
    "https://example.org:99999/",
    "https://example.org:/",
    "https://example.org:80/",
    "https://example.org:22/",
    "https://example.org:8443/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://127.0.0.1./",
    "https://1.1.1.1.1/",
    "https://256.256.256.256/",
    "https://example.0x7f/",
    "https://a.123/",
    "https://①②⑦.⓪.⓪.①/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://lоcalhost/",
    "https://%31%32%37.0.0.1/",
    "https://example.org%00.evil.test/",
    "https://[::1/",
    "https://[::1]x/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.x]/",
    "https://[example.org]/",
    "https://.example.org/",
    "https://-example.org/",
    "https://example.org/" + "a" * 5000,
]

LITERALS = [
    "https://127.0.0.1/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.168.1.1/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
]


def resolver(**names):
    async def resolve(host, port):
        found = names.get(host.replace(".", "_"), [])
        if not found:
            raise OSError("no such name")
        return found

    return resolve


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


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
def test_an_address_that_is_not_public_is_refused(address):
    assert not is_allowed(address, 443, ())


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_a_public_address_is_allowed_on_443_only(address):
    assert is_allowed(address, 443, ())
    for port in (0, 22, 80, 8443, 444):
        assert not is_allowed(address, port, ())


def test_an_exception_allows_its_network_on_every_port_and_nothing_else():
    networks = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert is_allowed("10.1.2.3", 8080, networks)
    assert is_allowed("fd00::1", 9000, networks)
    assert not is_allowed("10.2.0.1", 443, networks)
    assert not is_allowed("::ffff:10.1.2.3", 443, networks)
    assert not is_allowed("8.8.8.8", 8080, networks)


@pytest.mark.parametrize("url", REFUSED_URLS)
async def test_an_address_that_could_be_read_in_two_ways_is_refused_unasked(url):
    remote = Remote(resolve=resolver())
    with pytest.raises(Malformed) as refusal:
        async with remote.fetch(url):
            pass
    assert refusal.value.code == "url_not_allowed"


@pytest.mark.parametrize("url", LITERALS)
async def test_a_host_written_as_a_number_does_not_get_around_the_check(url, monkeypatch):
    remote = Remote(resolve=resolver())
    try:
        with pytest.raises(Malformed) as refusal:
            async with remote.fetch(url):
                pass
        assert refusal.value.code == "url_not_allowed"
    finally:
        await remote.close()


@pytest.mark.parametrize("address", [a for a in FORBIDDEN_ADDRESSES if a])
async def test_a_name_that_leads_to_a_forbidden_address_is_refused(address):
    for answers in ([address], ["8.8.8.8", address], [address, "8.8.8.8"]):
        remote = Remote(resolve=resolver(evil_test=answers))
        try:
            with pytest.raises(Malformed) as refusal:
                async with remote.fetch("https://evil.test/a.png"):
                    pass
            assert refusal.value.code == "url_not_allowed"
        finally:
            await remote.close()


@pytest.mark.parametrize("host", ["localhost", "ip6-localhost", "LOCALHOST", "localhost."])
async def test_names_of_this_machine_are_refused_by_what_the_system_answers(host):
    remote = Remote()
    try:
        with pytest.raises((Malformed, UpstreamFailed)):
            async with remote.fetch(f"https://{host}/"):
                pass
    finally:
        await remote.close()


async def test_a_public_name_on_another_port_is_refused_even_where_exceptions_are():
    remote = Remote(allow_addresses=LOOPBACK, resolve=resolver(public_test=["8.8.8.8"]))
    try:
        with pytest.raises(Malformed):
            async with remote.fetch("https://public.test:8443/a.png"):
                pass
    finally:
        await remote.close()


async def test_a_picture_is_fetched_with_its_name_and_nothing_of_the_caller(remote, server):
    server.answers["/a%20b.png?x=1"] = reply(200, PNG, "Image/PNG; charset=x", Set_Cookie="a=b")
    for _ in range(2):
        async with remote.fetch(server.url("/a%20b.png?x=1#fragment")) as fetched:
            assert fetched.source == PNG
            assert fetched.media_type == "image/png"
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
        (reply(200, PNG, "application/octet-stream"), TypeNotAllowed),
        (reply(200, PNG, ""), TypeNotAllowed),
        (reply(200, PNG, "imagex/png"), TypeNotAllowed),
        (reply(200, PNG, "image/"), TypeNotAllowed),
        (reply(200, b"<html>" * 20, "image/png"), TypeNotAllowed),
        (reply(200, b"<svg/>", "image/svg+xml"), TypeNotAllowed),
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
            assert fetched.size == len(PNG)
    finally:
        await remote.close()
