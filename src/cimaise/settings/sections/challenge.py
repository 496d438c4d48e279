"""Telling people from programs, and letting strangers in."""

from dataclasses import dataclass

from cimaise.settings import parsing as p
from cimaise.settings.knob import knob


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeSettings:
    """What is asked before somebody registers, or signs in after failures."""

    kind: str = knob(
        "altcha",
        p.parse_text,
        "Proof of work in the browser, by this server alone (altcha), or a service.",
        choices=("altcha", "turnstile", "hcaptcha", "recaptcha", "off"),
    )
    cost: int = knob(
        5000,
        p.parse_count,
        "Iterations of PBKDF2 in each of the 256 tries that a proof of work takes in the mean.",
        low=100,
        high=1_000_000,
    )
    ttl: float = knob(
        600.0, p.parse_duration, "How long a proof of work may take.", low=30, high=86400
    )
    site_key: str = knob("", p.parse_text, "The service's key for pages.")
    secret_key: str = knob("", p.parse_text, "The service's key for this server.", secret=True)
    verify_url: str = knob(
        "", p.parse_web_url, "Where answers are verified, if not at the service's own address."
    )
    after_failures: int = knob(
        3,
        p.parse_count,
        "Failed sign-ins within an hour, of an address or at a name, that ask for a challenge.",
        low=1,
        high=100,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationSettings:
    """How accounts come to be without an administrator at the keyboard."""

    open: bool = knob(
        default=False,
        parse=p.parse_flag,
        meaning="Anybody may register; needs a challenge.",
    )
    invitation_ttl: float = knob(
        7 * 86400.0,
        p.parse_duration,
        "How long an invitation lives where nothing is said.",
        low=60,
        high=365 * 86400,
    )
