"""The cache in front, where there is one."""

from cimaise.delivery.purgers.table import PURGERS
from cimaise.delivery.purging import Cache
from cimaise.settings import Settings


def cache_in_front(settings: Settings) -> Cache | None:
    """The cache that purges go to, where there is one.

    Raises:
        ValueError: Its address is not set.
    """
    cdn = settings.cdn
    if not cdn.kind:
        return None
    if not cdn.purge_url:
        raise ValueError(
            "CIMAISE_CDN_PURGE_URL: expected an address, because CIMAISE_CDN_KIND is set"
        )
    return Cache(PURGERS[cdn.kind], cdn.purge_url, cdn.token)
