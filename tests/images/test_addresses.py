from ipaddress import ip_network

import pytest

from cimaise.errors import (
    Malformed,
    UpstreamFailed,
)
from cimaise.images.remote.addresses import is_allowed
from cimaise.images.remote.fetching import Remote
from tests.kit.picture_server import resolver

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
