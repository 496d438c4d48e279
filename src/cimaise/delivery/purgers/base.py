"""What a cache in front of us understands: tags on answers, and a request that forgets by tag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class PurgeRequest:
    """A request to the cache. ``body`` is sent as JSON where there is one."""

    method: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


class Purger(Protocol):
    """One product. Pure: what to send, not how. Tags are letters, digits and hyphens."""

    @property
    def max_tags(self) -> int:
        """Most tags in one request."""
        ...

    def header(self, tags: Sequence[str]) -> tuple[str, str]:
        """Name (lower case) and value of the header that tags an answer."""
        ...

    def request(self, tags: Sequence[str], token: str) -> PurgeRequest:
        """Forget every answer with one of these tags; any 2xx says it is done."""
        ...
