"""What caches may do with an answer (RFC 9111 §5.2, RFC 8246)."""

from dataclasses import dataclass
from typing import Final

MAX_AGE_LIMIT_S: Final = 2**31
"""The greatest number of seconds that every cache understands (RFC 9111 §1.2.2)."""


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """What caches may do.

    Attributes:
        public: Shared caches may keep it for everybody; otherwise only the one who asked may.
        max_age_s: Seconds it is fresh.
        immutable: It never changes under this URL, so nobody asks again while it is fresh.
        no_store: Nobody keeps it; nothing else counts then.
    """

    public: bool = False
    max_age_s: int = 0
    immutable: bool = False
    no_store: bool = False


def format_cache_control(policy: CachePolicy) -> str:
    """The value of ``Cache-Control`` (RFC 9111 §5.2.2, RFC 8246 §2).

    ``max_age_s`` is held between 0 and :data:`MAX_AGE_LIMIT_S`.
    """
    if policy.no_store:
        return "no-store"
    max_age_s = min(max(policy.max_age_s, 0), MAX_AGE_LIMIT_S)
    directives = ["public" if policy.public else "private", f"max-age={max_age_s}"]
    if policy.immutable:
        directives.append("immutable")
    return ", ".join(directives)
