"""Bytes going out: who may fetch how much, and what stands in front."""

from dataclasses import dataclass

from cimaise.settings import parsing as p
from cimaise.settings.knob import knob


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Transfers of originals, album files and archives; 0 is no limit."""

    files_url: str = knob(
        "",
        p.parse_web_url,
        "Another origin that originals are served from, for sites with much to lose;"
        " empty: the same.",
    )
    referrers: tuple[str, ...] = knob(
        (),
        p.parse_names,
        "Hosts whose pages may embed, such as example.org, *.example.org; empty: any.",
    )
    allow_no_referrer: bool = knob(
        True,  # noqa: FBT003 - a default
        p.parse_flag,
        "A request without a referrer is answered as well.",
    )
    refuse_crawlers: bool = knob(
        False,  # noqa: FBT003 - a default
        p.parse_flag,
        "Programs that say they collect get no originals.",
    )
    address_requests: int = knob(
        0, p.parse_count, "Transfers that a guest's address may begin in a minute."
    )
    address_at_once: int = knob(
        0, p.parse_count, "Transfers of a guest's address at the same time."
    )
    account_requests: int = knob(
        0, p.parse_count, "Transfers that an account may begin in a minute."
    )
    account_at_once: int = knob(0, p.parse_count, "Transfers of an account at the same time.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdn:
    """A cache in front of the server that can be told to forget."""

    kind: str = knob(
        "",
        p.parse_text,
        "Which product; empty: none.",
        choices=("", "varnish", "fastly", "cloudflare", "webhook"),
    )
    purge_url: str = knob("", p.parse_web_url, "Where it is told to forget.")
    token: str = knob("", p.parse_text, "What lets us tell it.", secret=True)
    max_age: float = knob(
        86400.0,
        p.parse_duration,
        "How long it keeps what is public, until it is told otherwise.",
        high=365 * 86400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The worker at a CDN's edge that serves the bucket (``edge/``)."""

    url: str = knob(
        "", p.parse_web_url, "Of the worker; originals in a bucket are sent there. Empty: none."
    )
    secret: str = knob(
        "", p.parse_secret, "Secret that is shared with the worker alone.", secret=True
    )
    ttl: float = knob(
        900.0,
        p.parse_duration,
        "How long an address of the worker lives at least; at most twice as long.",
        low=10,
        high=7 * 86400,
    )
