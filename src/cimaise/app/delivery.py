"""What goes out, and what stands in front, wired."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from cimaise.access.edge import EdgeLinks
from cimaise.app.parts import Parts
from cimaise.app.sources import utc_now
from cimaise.delivery.guard import Guard, Limits
from cimaise.delivery.purgers.table import PURGERS
from cimaise.delivery.referrers import ReferrerRule
from cimaise.delivery.shared_caches import SharedCaches
from cimaise.delivery.tally import Tally
from cimaise.settings import Settings


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Everything around a transfer."""

    guard: Guard
    tally: Tally
    shared_caches: SharedCaches
    edge: EdgeLinks | None


def open_outgoing(settings: Settings, parts: Parts) -> Outgoing:
    """Wire it; nothing is connected to.

    Raises:
        ValueError: Two settings do not go together; names them.
    """
    cdn = settings.cdn
    return Outgoing(
        guard=Guard(parts.state, _referrer_rule(settings), _limits(settings)),
        tally=Tally(parts.database, utc_now),
        shared_caches=SharedCaches(PURGERS.get(cdn.kind), int(cdn.max_age)),
        edge=_edge(settings, parts),
    )


def _referrer_rule(settings: Settings) -> ReferrerRule:
    urls = (settings.public_url, settings.delivery.files_url)
    own_hosts = [host for url in urls if (host := urlsplit(url).hostname)]
    return ReferrerRule(
        settings.delivery.referrers, own_hosts, allows_none=settings.delivery.allow_no_referrer
    )


def _limits(settings: Settings) -> Limits:
    delivery = settings.delivery
    return Limits(
        address_requests=delivery.address_requests,
        address_at_once=delivery.address_at_once,
        account_requests=delivery.account_requests,
        account_at_once=delivery.account_at_once,
        refuses_crawlers=delivery.refuse_crawlers,
    )


def _edge(settings: Settings, parts: Parts) -> EdgeLinks | None:
    edge = settings.edge
    if not edge.url:
        return None
    if not edge.secret:
        raise ValueError("CIMAISE_EDGE_SECRET: expected a secret, because CIMAISE_EDGE_URL is set")
    if parts.storage.is_local:
        raise ValueError("CIMAISE_EDGE_URL: expected none, because the storage is no bucket")
    return EdgeLinks(edge.url, edge.secret.encode(), edge.ttl)
