"""Every way of asking, by the name that the setting has for it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from cimaise.access.challenge import hcaptcha, recaptcha, turnstile
from cimaise.access.challenge.base import Challenge, Widget
from cimaise.access.challenge.proof_of_work import ProofOfWork
from cimaise.access.challenge.siteverify import SiteVerify
from cimaise.settings.sections.challenge import ChallengeSettings

OFF: Final = "off"
OWN: Final = "altcha"
_SERVICES: Final[Mapping[str, tuple[Callable[[str], Widget], str]]] = {
    "turnstile": (turnstile.widget, turnstile.VERIFY_URL),
    "hcaptcha": (hcaptcha.widget, hcaptcha.VERIFY_URL),
    "recaptcha": (recaptcha.widget, recaptcha.VERIFY_URL),
}


def open_challenge(
    settings: ChallengeSettings, *, secret: bytes, clock: Callable[[], datetime], public_url: str
) -> Challenge | None:
    """The one that is set; ``None`` for none.

    Raises:
        ValueError: A service without its two keys.
    """
    if settings.kind == OFF:
        return None
    if settings.kind == OWN:
        return ProofOfWork(secret, clock, settings.cost, settings.ttl)
    if not settings.site_key or not settings.secret_key:
        raise ValueError(
            f"CIMAISE_CHALLENGE_KIND: {settings.kind} needs CIMAISE_CHALLENGE_SITE_KEY and"
            " CIMAISE_CHALLENGE_SECRET_KEY"
        )
    make, verify_url = _SERVICES[settings.kind]
    return SiteVerify(
        make(settings.site_key),
        settings.secret_key,
        settings.verify_url or verify_url,
        urlsplit(public_url).hostname or "",
    )
