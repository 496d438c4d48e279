"""Varnish with the module xkey (https://github.com/varnish/varnish-modules, src/vmod_xkey.vcc)."""

from collections.abc import Sequence

from cimaise.delivery.purgers.base import PurgeRequest


class Varnish:
    """``PURGE`` with the tags in ``xkey``; the recipe in the manual has the VCL for it."""

    max_tags = 100

    def header(self, tags: Sequence[str]) -> tuple[str, str]:
        """See :class:`cimaise.delivery.purgers.base.Purger`."""
        return "xkey", " ".join(tags)

    def request(self, tags: Sequence[str], token: str) -> PurgeRequest:
        """See :class:`cimaise.delivery.purgers.base.Purger`."""
        headers = {"xkey-purge": " ".join(tags)}
        return PurgeRequest("PURGE", headers | ({"x-purge-token": token} if token else {}))
