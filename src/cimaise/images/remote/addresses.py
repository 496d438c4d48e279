"""Which addresses a remote picture may come from: public ones only, whatever they look like.

Python's own ``is_global`` differs between its releases, so what matters is listed here too
(IANA IPv4 and IPv6 Special-Purpose Address Registries, RFC 6890). Addresses that carry another
address inside (mapped, NAT64, 6to4, Teredo) are refused as they are: no public picture needs them.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HTTPS_PORT: Final = 443

_REFUSED: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared, behind carriers; cloud metadata at 100.100.100.200
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; cloud metadata at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # a cloud's host, public in form only
        "::/96",  # unspecified, loopback, IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",  # protocol assignments, Teredo, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",  # unique local; cloud metadata at fd00:ec2::254
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_PUBLIC_IPV6: Final = IPv6Network("2000::/3")


def is_allowed(host: str, port: int, exceptions: Sequence[Network]) -> bool:
    """Whether a connection to this address may be made.

    Args:
        host: A numeric address as the socket will get it; anything else is refused.
        port: Of the server. Public addresses may be asked on 443 only.
        exceptions: Networks that are allowed with every port.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if _is_in(address, exceptions):
        return "%" not in host
    return port == HTTPS_PORT and "%" not in host and is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, and only to it."""
    if _is_in(address, _REFUSED) or not address.is_global or address.is_multicast:
        return False
    return isinstance(address, IPv4Address) or address in _PUBLIC_IPV6


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
