"""What caches in front of us are told besides ``Cache-Control`` (RFC 9213)."""

from collections.abc import Sequence
from dataclasses import dataclass

from cimaise.delivery.purgers.base import Purger


@dataclass(frozen=True, slots=True)
class SharedCaches:
    """The headers for them.

    Attributes:
        purger: The product that is in front; ``None``: none that can be told to forget.
        max_age_s: How long it may keep what is public, until it is told otherwise.
    """

    purger: Purger | None = None
    max_age_s: int = 0

    def headers(self, *, is_public: bool, tags: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """For an answer made of what the tags name; nothing where there is no such cache.

        ``CDN-Cache-Control`` is for caches that act for us and can be told to forget: they keep
        longer than browsers do, and what is not public never, whatever they are set to.
        """
        if self.purger is None:
            return ()
        if not is_public:
            return (("cdn-cache-control", "no-store"),)
        kept = f"public, max-age={self.max_age_s}, stale-while-revalidate=60"
        return (("cdn-cache-control", kept), self.purger.header(tags))
