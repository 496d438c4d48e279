"""Cloudflare: ``POST /zones/{id}/purge_cache`` with tags (Cloudflare API, "Purge Cached Content")."""

from collections.abc import Sequence

from cimaise.delivery.purgers.base import PurgeRequest


class Cloudflare:
    """The URL is ``https://api.cloudflare.com/client/v4/zones/{id}/purge_cache``."""

    max_tags = 30

    def header(self, tags: Sequence[str]) -> tuple[str, str]:
        """See :class:`cimaise.delivery.purgers.base.Purger`."""
        return "cache-tag", ",".join(tags)

    def request(self, tags: Sequence[str], token: str) -> PurgeRequest:
        """See :class:`cimaise.delivery.purgers.base.Purger`."""
        return PurgeRequest("POST", {"authorization": f"Bearer {token}"}, {"tags": list(tags)})
