"""Whose pages may show what is ours: rules about ``Referer`` (RFC 9110 §10.1.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class ReferrerRule:
    """Hosts whose pages may embed.

    Attributes:
        hosts: ``example.org`` is itself, ``*.example.org`` whatever is below it. Empty: any.
        own_hosts: Hosts of this server, always allowed.
        allows_none: A request without a referrer is allowed. Many honest ones have none: typed
            addresses, apps, and pages that keep their address to themselves.
    """

    hosts: Sequence[str] = ()
    own_hosts: Sequence[str] = ()
    allows_none: bool = True

    @property
    def is_active(self) -> bool:
        """It can refuse something."""
        return bool(self.hosts) or not self.allows_none

    def allows(self, referrer: str | None, *, is_visit: bool = False) -> bool:
        """May a request with this ``Referer`` be answered?

        Args:
            referrer: The header as it came, or ``None``.
            is_visit: Somebody follows a link to the file itself (``Sec-Fetch-Dest: document``):
                that is no embedding, wherever the link was.
        """
        if not self.is_active or is_visit:
            return True
        if referrer is None or not referrer.strip():
            return self.allows_none
        host = _host_of(referrer)
        if host is None:
            return False
        if not self.hosts or host in self.own_hosts:
            return True
        return any(_is_within(host, pattern.lower()) for pattern in self.hosts)


def _host_of(referrer: str) -> str | None:
    try:
        parts = urlsplit(referrer.strip())
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return host.rstrip(".").lower()


def _is_within(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern
