"""Fastly: ``POST /service/{id}/purge`` with ``Surrogate-Key`` (Fastly API, "Purging")."""

from collections.abc import Sequence

from cimaise.delivery.purgers.base import PurgeRequest


class Fastly:
    """The URL is ``https://api.fastly.com/service/{id}/purge``."""

    max_tags = 256

    def header(self, tags: Sequence[str]) -> tuple[str, str]:
        """See :class:`cimaise.delivery.purgers.base.Purger`."""
        return "surrogate-key", " ".join(tags)

    def request(self, tags: Sequence[str], token: str) -> PurgeRequest:
        """See :class:`cimaise.delivery.purgers.base.Purger`."""
        headers = {"surrogate-key": " ".join(tags), "accept": "application/json"}
        return PurgeRequest("POST", headers | {"fastly-key": token})
