"""Cloudflare Turnstile."""

from typing import Final

from cimaise.access.challenge.base import Widget

VERIFY_URL: Final = "https://challenges.cloudflare.com/turnstile/v0/siteverify"
_ORIGIN: Final = "https://challenges.cloudflare.com"


def widget(site_key: str) -> Widget:
    """What a page shows, and lets in."""
    return Widget(
        kind="turnstile",
        field="cf-turnstile-response",
        site_key=site_key,
        script=f"{_ORIGIN}/turnstile/v0/api.js",
        scripts=(_ORIGIN,),
        frames=(_ORIGIN,),
        action="cimaise",
    )
