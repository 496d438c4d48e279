"""How much may be asked of the server."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from cimaise.settings import parsing as p
from cimaise.settings.knob import knob
from cimaise.settings.rate import Allowance, parse_allowance

_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Rates: those of an account where somebody is signed in, otherwise those of the address."""

    sign_ins: Allowance = knob(
        Allowance(20, _MINUTE),
        parse_allowance,
        "Sign-ins and bad credentials of an address.",
    )
    address_uploads: Allowance = knob(
        Allowance(60, _MINUTE), parse_allowance, "Uploads begun from an address by guests."
    )
    account_uploads: Allowance = knob(
        Allowance(600, _MINUTE), parse_allowance, "Uploads begun by an account."
    )
    address_pictures: Allowance = knob(
        Allowance(1200, _MINUTE),
        parse_allowance,
        "Pictures asked for in some size from an address by guests.",
    )
    account_pictures: Allowance = knob(
        Allowance(6000, _MINUTE), parse_allowance, "Pictures asked for in some size by an account."
    )
    address_changes: Allowance = knob(
        Allowance(120, _MINUTE), parse_allowance, "Changes from an address by guests."
    )
    account_changes: Allowance = knob(
        Allowance(1200, _MINUTE), parse_allowance, "Changes by an account."
    )
    address_reads: Allowance = knob(
        Allowance(3000, _MINUTE), parse_allowance, "Everything else, from an address by guests."
    )
    account_reads: Allowance = knob(
        Allowance(12000, _MINUTE), parse_allowance, "Everything else, by an account."
    )
    transfers: int = knob(
        50,
        p.parse_count,
        "Bodies with files that an account, or an address of guests, may send at once; 0: no limit.",
        high=100_000,
    )
    risk_slow: int = knob(
        10,
        p.parse_count,
        "Score (uploads that failed, types that were refused) from which rates shrink; 0: never.",
        high=1_000_000,
    )
    risk_challenge: int = knob(
        20, p.parse_count, "Score from which a challenge is asked for; 0: never.", high=1_000_000
    )
    exempt: tuple[IPv4Network | IPv6Network, ...] = knob(
        _LOOPBACK, p.parse_networks, "Addresses that nothing here is counted for."
    )
