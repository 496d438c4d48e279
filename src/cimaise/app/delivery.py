"""What goes out, and what stands in front, wired."""

from urllib.parse import urlsplit

from cimaise.access.edge import EdgeLinks
from cimaise.access.links.links import Links
from cimaise.app.parts import Parts
from cimaise.app.sources import utc_now
from cimaise.archives.archive import Archives
from cimaise.archives.checksums import Checksums
from cimaise.delivery.guard import Guard, Limits
from cimaise.delivery.open_files import OpenFiles
from cimaise.delivery.purgers.table import PURGERS
from cimaise.delivery.referrers import ReferrerRule
from cimaise.delivery.shared_caches import SharedCaches
from cimaise.delivery.tally import Tally
from cimaise.library.files import Files
from cimaise.library.recent import RecentFiles
from cimaise.originals import Originals
from cimaise.settings import Settings
from cimaise.web.features import Delivery


def open_delivery(settings: Settings, parts: Parts, files: Files, links: Links) -> Delivery:
    """Wire it; nothing is connected to.

    Raises:
        ValueError: Two settings do not go together; names them.
    """
    cdn = settings.cdn
    answers, own_answers = parts.answers, parts.own_answers
    return Delivery(
        originals=Originals(files, links, parts.storage, RecentFiles(lambda: answers.changes)),
        archives=Archives(Checksums(parts.database, utc_now)),
        guard=Guard(parts.state, _referrer_rule(settings), _limits(settings)),
        tally=Tally(parts.database, utc_now),
        shared_caches=SharedCaches(PURGERS.get(cdn.kind), int(cdn.max_age)),
        edge=_edge(settings, parts),
        open_files=OpenFiles(lambda: answers.changes),
        own_files=OpenFiles(lambda: (answers.changes, own_answers.changes)),
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
