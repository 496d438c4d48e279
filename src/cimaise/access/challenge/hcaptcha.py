"""hCaptcha."""

from typing import Final

from cimaise.access.challenge.base import Widget

VERIFY_URL: Final = "https://api.hcaptcha.com/siteverify"
_ORIGINS: Final = ("https://hcaptcha.com", "https://*.hcaptcha.com")


def widget(site_key: str) -> Widget:
    """What a page shows, and lets in."""
    return Widget(
        kind="hcaptcha",
        field="h-captcha-response",
        site_key=site_key,
        script="https://js.hcaptcha.com/1/api.js",
        scripts=_ORIGINS,
        frames=_ORIGINS,
        styles=_ORIGINS,
    )
