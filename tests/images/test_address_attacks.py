"""An attacker's notebook: every way to make the server ask what it must not, tried on real servers.

Two TLS servers listen: the one that may be asked, on 127.0.0.1, and a secret one on 127.0.0.2,
which must never hear of anybody. Every attack is tried twice: as the address that a client
sends, and as where an allowed server redirects to.
"""

from ipaddress import ip_network

import pytest

from cimaise.errors import Malformed, UpstreamFailed
from cimaise.images.remote.fetching import Remote
from tests.kit.picture_server import picture_server, reply

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 20
NAMES = {
    "pictures.test": ["127.0.0.1"],
    "secret.test": ["127.0.0.2"],
    "secret.test.": ["127.0.0.2"],
    "xn--bcher-kva.test": ["127.0.0.2"],
    "localhost": ["127.0.0.2", "::1"],
    "localhost.localdomain": ["127.0.0.2"],
    "metadata.google.internal": ["169.254.169.254"],
    "instance-data": ["169.254.169.254"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "mixed.test": ["93.184.216.34", "127.0.0.2"],
    "mixed-allowed.test": ["127.0.0.1", "127.0.0.2"],
    "six.test": ["::1"],
    "mapped.test": ["::ffff:127.0.0.2"],
    "nat64.test": ["64:ff9b::7f00:2"],
    "sixtofour.test": ["2002:7f00:2::1"],
    "teredo.test": ["2001:0:7f00:2::1"],
    "compatible.test": ["::127.0.0.2"],
    "local-link.test": ["fe80::1%lo"],
    "unique.test": ["fd00:ec2::254"],
    "carrier.test": ["100.100.100.200"],
    "wire.test": ["168.63.129.16"],
    "broadcast.test": ["255.255.255.255"],
    "multicast.test": ["224.0.0.1"],
    "unspecified.test": ["0.0.0.0"],
    "www.127.0.0.2.nip.test": ["127.0.0.2"],
}
HOSTS = [
    # names that lead inside
    *[name for name in NAMES if name != "pictures.test"],
    "SECRET.test",
    # the address itself
    "127.0.0.2",
    "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]",
    "[0:0:0:0:0:ffff:7f00:0002]",
    "[::127.0.0.2]",
    "[::1]",
    "[0000::1]",
    "[::]",
    "[64:ff9b::7f00:2]",
    "[64:ff9b::127.0.0.2]",
    "[64:ff9b:1::7f00:2]",
    "[2002:7f00:2::]",
    "[2001:0:7f00:2::]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    # the address in disguise
    "2130706434",
    "0x7f000002",
    "0x7f.0.0.2",
    "0x7f.1",
    "0177.0.0.2",
    "0177.0.0.02",
    "017700000002",
    "127.2",
    "127.0.2",
    "127.0.0.2.",
    "127.0.0.002",
    "127.000.000.002",
    "127.0.0.2.0",
    "0",
    "127.0.0.0x2",
    # what two parsers read differently
    "pictures.test@127.0.0.2",
    "pictures.test:443@127.0.0.2",
    "127.0.0.2#@pictures.test",
    "127.0.0.2\\@pictures.test",
    "pictures.test\\@127.0.0.2",
    "pictures.test%00.127.0.0.2",
    "pictures.test%2f@127.0.0.2",
    "pictures.test @127.0.0.2",
    "pictures.test\t.127.0.0.2",
    "pictures.test\r\nHost: secret.test",
    "%31%32%37.0.0.2",
    "１２７.0.0.2",
    "127。0。0。2",
    "①②⑦.0.0.2",
    "ⓛocalhost",
    "bücher.test",
    "secret.test..",
    ".secret.test",
    "-secret.test",
    "secret_test:99999",
    "[127.0.0.2]",
    "[::ffff:127.0.0.2",
    "",
    ":443",
]
SCHEMES = [
    "http://secret.test/",
    "HTTP://127.0.0.2/",
    "ftp://secret.test/a.png",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://127.0.0.2:6379/_INFO",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    "//secret.test/a.png",
    "https:secret.test",
    "https:/secret.test/",
    "https:///secret.test/",
    "ws://secret.test/",
    "unix:///run/docker.sock",
    "jar:https://secret.test!/",
]


@pytest.fixture
async def secret(certificate):
    async with picture_server(certificate, "127.0.0.2") as running:
        running.answers["/a"] = reply(200, PNG)
        yield running
        assert running.requests == []


@pytest.fixture
async def remote(certificate):
    async def resolve(host, port):
        if host.lower() not in NAMES:
            raise OSError("no such name")
        return NAMES[host.lower()]

    made = Remote(
        allow_addresses=(ip_network("127.0.0.1/32"),),
        ca_file=str(certificate.certificate),
        resolve=resolve,
    )
    yield made
    await made.close()


async def require_refused(remote, url):
    with pytest.raises(Malformed) as refusal:
        async with remote.fetch(url):
            pass
    assert refusal.value.code == "url_not_allowed"


@pytest.mark.parametrize("host", HOSTS)
async def test_an_address_that_leads_inside_is_refused(remote, secret, host):
    await require_refused(remote, f"https://{host}:{secret.port}/a")
    await require_refused(remote, f"https://{host}/a")


@pytest.mark.parametrize("host", [host for host in HOSTS if "\r" not in host])
async def test_a_redirect_that_leads_inside_is_refused(remote, server, secret, host):
    location = f"https://{host}:{secret.port}/a"
    server.answers["/a"] = reply(302, b"", Location=location)
    with pytest.raises((Malformed, UpstreamFailed)) as refusal:
        async with remote.fetch(server.url("/a")):
            pass
    is_readable = location.isascii() and location.isprintable() and "\\" not in location
    assert refusal.value.code == ("url_not_allowed" if is_readable else "upstream_failed")
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", SCHEMES)
async def test_another_scheme_is_refused(remote, secret, url):
    await require_refused(remote, url)


@pytest.mark.parametrize("url", [url for url in SCHEMES if not url.startswith("//")])
async def test_a_redirect_to_another_scheme_is_refused(remote, server, secret, url):
    server.answers["/a"] = reply(301, b"", Location=url)
    with pytest.raises((Malformed, UpstreamFailed)):
        async with remote.fetch(server.url("/a")):
            pass
    assert secret.requests == []


async def test_the_last_of_three_redirects_is_checked_like_the_first(remote, server, secret):
    for number in range(2):
        server.answers[f"/{number}"] = reply(307, b"", Location=f"/{number + 1}")
    server.answers["/2"] = reply(308, b"", Location=f"https://secret.test:{secret.port}/a")
    await require_refused(remote, server.url("/0"))
    assert len(server.requests) == 3


@pytest.mark.parametrize("answers", [["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "::1"]])
async def test_a_name_that_changes_its_address_gains_nothing(certificate, server, secret, answers):
    """First asked, it leads to where it may; asked again, inside (DNS rebinding)."""
    asked = []

    async def resolve(host, port):
        asked.append(host)
        return [answers[min(len(asked), len(answers)) - 1]]

    remote = Remote(
        allow_addresses=(ip_network("127.0.0.1/32"),),
        ca_file=str(certificate.certificate),
        resolve=resolve,
    )
    server.answers["/a"] = reply(302, b"", Location=f"https://pictures.test:{secret.port}/a")
    await require_refused(remote, server.url("/a"))
    assert len(asked) == 2
    await remote.close()


@pytest.mark.parametrize("port", [22, 80, 6379, 8080, 65535])
async def test_public_servers_are_asked_on_their_port_for_pictures_only(port):
    async def resolve(host, port):
        return ["93.184.216.34"]

    remote = Remote(resolve=resolve)
    await require_refused(remote, f"https://pictures.test:{port}/a.png")
    await remote.close()


async def test_what_is_allowed_is_fetched_so_that_the_others_were_refused_for_a_reason(
    remote, server
):
    server.answers["/a"] = reply(200, PNG)
    async with remote.fetch(server.url("/a")) as fetched:
        assert fetched.media_type == "image/png"
