"""Any other cache, behind a small service of your own that takes ``{"tags": [...]}``."""

from collections.abc import Sequence

from cimaise.delivery.purgers.base import PurgeRequest


class Webhook:
    """``POST`` of JSON with a bearer token; answers carry ``Surrogate-Key``."""

    max_tags = 100

    def header(self, tags: Sequence[str]) -> tuple[str, str]:
        """See :class:`cimaise.delivery.purgers.base.Purger`."""
        return "surrogate-key", " ".join(tags)

    def request(self, tags: Sequence[str], token: str) -> PurgeRequest:
        """See :class:`cimaise.delivery.purgers.base.Purger`."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return PurgeRequest("POST", headers, {"tags": list(tags)})
