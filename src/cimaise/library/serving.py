"""The headers that go out beside bytes that somebody uploaded, wherever they are served.

Several fences stand one behind the other, so that one may fall: the type is one of ours and is
not guessed again (``nosniff``); what is not on the list of passive types is saved, not shown; and
what is shown lies in a sandbox where nothing runs and nothing is fetched.
"""

from typing import Final

from cimaise.library.serving_types import INLINE_TYPES
from cimaise.rfc.caching import CachePolicy, format_cache_control
from cimaise.rfc.disposition import format_disposition

MAX_AGE_S: Final = 3600

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
)
"""No script, no frame, no form, no request (CSP 3). A browser that shows a picture or a film by
itself wraps it into a page of its own, which needs its own style."""

Headers = tuple[tuple[str, str], ...]

GUARDS: Final[Headers] = (
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("referrer-policy", "no-referrer"),
)
"""What stands beside all of them."""


def audience_headers(*, is_public: bool) -> Headers:
    """Who may embed it and who may list it: for originals and variants alike."""
    if is_public:
        return (
            ("access-control-allow-origin", "*"),
            ("cross-origin-resource-policy", "cross-origin"),
        )
    return (("cross-origin-resource-policy", "same-site"), ("x-robots-tag", "noindex"))


def serving_headers(
    filename: str, content_type: str, *, is_public: bool, attachment: bool
) -> Headers:
    """Everything but the type, which :func:`cimaise.library.serving_types.served_type` gives.

    Args:
        filename: As its owner called it.
        content_type: As found in the bytes.
        is_public: Every cache between here and anybody may keep it.
        attachment: To be saved; what is no passive type is so in any case.
    """
    is_saved = attachment or content_type not in INLINE_TYPES
    scope = CachePolicy(public=is_public, max_age_s=MAX_AGE_S)
    return (
        ("content-disposition", format_disposition(filename, attachment=is_saved)),
        ("cache-control", format_cache_control(scope)),
        *GUARDS,
        *audience_headers(is_public=is_public),
    )


def signed_headers(content_type: str, disposition: str | None) -> Headers:
    """For a signed URL of local storage: what was signed, behind the same fences.

    ``disposition`` is as it was signed; what is no passive type is saved, whatever that says.
    """
    saved = disposition or "attachment"
    if content_type.partition(";")[0] not in INLINE_TYPES and not saved.startswith("attachment"):
        saved = f"attachment{saved.removeprefix('inline')}"
    return (
        ("content-disposition", saved),
        ("cache-control", format_cache_control(CachePolicy())),
        *GUARDS,
        *audience_headers(is_public=False),
    )


def archive_headers(filename: str) -> Headers:
    """For an archive made for whoever asks: it is kept by nobody but the one who asked."""
    return (
        ("content-disposition", format_disposition(filename, attachment=True)),
        ("cache-control", format_cache_control(CachePolicy())),
        *GUARDS,
        *audience_headers(is_public=False),
    )
