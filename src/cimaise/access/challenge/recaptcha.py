"""Google reCAPTCHA, version 2."""

from typing import Final

from cimaise.access.challenge.base import Widget

VERIFY_URL: Final = "https://www.google.com/recaptcha/api/siteverify"


def widget(site_key: str) -> Widget:
    """What a page shows, and lets in."""
    return Widget(
        kind="recaptcha",
        field="g-recaptcha-response",
        site_key=site_key,
        script="https://www.google.com/recaptcha/api.js",
        scripts=("https://www.google.com/recaptcha/", "https://www.gstatic.com/recaptcha/"),
        frames=("https://www.google.com/recaptcha/", "https://recaptcha.google.com/recaptcha/"),
    )
