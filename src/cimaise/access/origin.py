"""Does a request that carries a cookie come from a page of ours?

A browser sends the cookie with whatever another site makes it send, but it also says where the
request was made: ``Origin`` (RFC 6454 §7) and ``Sec-Fetch-Site`` (Fetch Metadata), neither of
which a page can forge. A request that changes something must prove itself by one of them, and
what is there must not contradict it.
"""

import re
from typing import Final
from urllib.parse import urlsplit

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ORIGIN: Final = re.compile(r"(https?)://((?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?)")
_DEFAULT_PORT: Final = {"http": ":80", "https": ":443"}


def is_same_origin(
    method: str,
    *,
    origin: str | None,
    sec_fetch_site: str | None,
    host: str | None,
    public_url: str,
) -> bool:
    """May the cookie count?

    Args:
        method: As it came; upper and lower case differ (RFC 9110 §9.1).
        origin: The ``Origin`` header; ``None`` where there is none.
        sec_fetch_site: The ``Sec-Fetch-Site`` header.
        host: The ``Host`` header: the address that the browser believes to talk to.
        public_url: Base of the server's absolute URLs.

    Returns:
        True for a safe method; otherwise only if the browser says that a page of this origin,
        or its user in person, made the request. Neither header: False.
    """
    if method in SAFE_METHODS:
        return True
    if sec_fetch_site is not None and sec_fetch_site not in ("same-origin", "none"):
        return False
    if origin is None:
        return sec_fetch_site is not None
    if origin == "null":  # a page of ours whose referrer policy hides where it is
        return sec_fetch_site == "same-origin"
    return _is_ours(origin, host, public_url)


def _is_ours(origin: str, host: str | None, public_url: str) -> bool:
    """The public address, or the very host that was asked (by its other names, or behind a proxy).

    The scheme of the public address binds: a page on plain http is not the one on https.
    """
    ours = urlsplit(public_url)
    page = _parts(origin)
    public = _parts(f"{ours.scheme}://{ours.netloc}")
    if page is None or page == public:
        return page is not None
    if host is None:
        return False
    asked = _parts(f"{page[0]}://{host}")
    return page == asked and (public is None or page[1] != public[1])


def _parts(origin: str) -> tuple[str, str] | None:
    """Scheme and authority without the default port; ``None`` where it is no web origin."""
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        return None
    return match[1], match[2].removesuffix(_DEFAULT_PORT[match[1]])
