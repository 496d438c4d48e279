"""Who somebody is, and what a link opens."""

from dataclasses import dataclass

from cimaise.settings import parsing as p
from cimaise.settings.knob import GB, KB, MB, knob


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Signed download links."""

    ttl: float = knob(
        3600.0,
        p.parse_duration,
        "How long a link lives where nothing is said.",
        low=1,
        high=10 * 365 * 86400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Who somebody is."""

    jwt_secret: str = knob(
        "", p.parse_secret, "Secret of HS256 tokens, at least 32 bytes.", secret=True
    )
    jwks_url: str = knob("", p.parse_web_url, "Where the public keys of tokens are.")
    issuer: str = knob("", p.parse_text, "Required iss of tokens.")
    audience: str = knob("", p.parse_text, "Required aud of tokens.")
    session_ttl: float = knob(
        14 * 86400.0,
        p.parse_duration,
        "How long a browser stays signed in.",
        low=60,
        high=365 * 86400,
    )
    sign_in_ttl: float = knob(
        3600.0, p.parse_duration, "How long a one-time sign-in link lives.", low=60, high=7 * 86400
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSettings:
    """Passwords of accounts: what one must be, and what it costs to try one (Argon2id)."""

    min_chars: int = knob(
        8, p.parse_count, "Characters that a new password has at least.", low=8, high=128
    )
    memory: int = knob(
        19 * MB,
        p.parse_bytes,
        "Memory that one hash fills. Passwords are hashed anew as their owners sign in.",
        low=7 * MB,
        high=GB,
    )
    passes: int = knob(2, p.parse_count, "How often a hash goes over that memory.", low=1, high=100)
    lanes: int = knob(1, p.parse_count, "Threads that work at one hash.", low=1, high=16)
    at_once: int = knob(
        2,
        p.parse_count,
        "Hashes that one process works at at the same time; more sign-ins wait.",
        low=1,
        high=64,
    )

    @property
    def memory_kib(self) -> int:
        """``memory`` in KiB, as Argon2 counts."""
        return self.memory // KB
