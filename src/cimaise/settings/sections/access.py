"""Who somebody is, and what a link opens."""

from dataclasses import dataclass

from cimaise.settings import parsing as p
from cimaise.settings.knob import knob


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
