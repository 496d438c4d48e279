r"""Signed URLs of pictures: for programs that make pages, and for the server that checks them.

Needs the standard library alone, so a program may take this one module::

    from cimaise.image_urls import sign_image_url

    url = sign_image_url(
        "https://media.example.org/images/4kqX?width=300", key=KEY, expires_at=1767225600
    )

What is signed is the *canonical request*: the path, percent-encoded as RFC 3986 has it (§2.3,
unreserved characters plain, upper-case digits); a question mark; and the query's parameters
without ``signature``, encoded the same way, sorted by name and value, joined with ``&``. Scheme
and host are not in it, so a URL stays good behind another name.

    signature = base64url(HMAC-SHA256(key, "cimaise image v1\n" + canonical request))

without padding. ``expires`` (seconds since 1970) is a parameter like the others. The same in
JavaScript: ``web/clients/image-urls.js``; both are tested with the same vectors.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit, urlunsplit

SIGNATURE: Final = "signature"
EXPIRES: Final = "expires"
_PREFIX: Final = b"cimaise image v1\n"
_UNRESERVED: Final = "-._~"


def sign_image_url(url: str, *, key: str | bytes, expires_at: int | None = None) -> str:
    """The URL with its signature, which replaces one that it has.

    Args:
        url: Absolute, or only path and query; percent-encoded.
        key: One of the server's ``CIMAISE_IMAGES_SIGNING_KEYS``, best the first one.
        expires_at: Seconds since 1970 after which it is worthless; ``None``: never, or what the
            URL's own ``expires`` says.
    """
    parts = urlsplit(url)
    pairs = [pair for pair in _pairs(parts.query) if pair[0] != SIGNATURE]
    if expires_at is not None:
        pairs = [*(pair for pair in pairs if pair[0] != EXPIRES), (EXPIRES, str(expires_at))]
    signature = make_signature(key, canonical_request(parts.path, pairs))
    query = _joined([*pairs, (SIGNATURE, signature)])
    return urlunsplit((parts.scheme, parts.netloc, _path(parts.path), query, ""))


def canonical_request(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """What is signed, from a percent-encoded path and the query's decoded parameters."""
    return f"{_path(path)}?{_joined(sorted(pair for pair in pairs if pair[0] != SIGNATURE))}"


def make_signature(key: str | bytes, canonical: str) -> str:
    """43 letters of base64url."""
    secret = key.encode() if isinstance(key, str) else key
    mac = hmac.digest(secret, _PREFIX + canonical.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def is_signature(signature: str, canonical: str, keys: Iterable[bytes]) -> bool:
    """Was it made with one of the keys? Takes as long for every wrong one."""
    given, is_good = signature.encode(), False
    for key in keys:
        is_good |= hmac.compare_digest(given, make_signature(key, canonical).encode())
    return is_good


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _path(path: str) -> str:
    """Each segment decoded once and encoded again, so that all spellings of a path are one."""
    return "/".join(quote(unquote_to_bytes(part), safe=_UNRESERVED) for part in path.split("/"))


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(
        f"{quote(name, safe=_UNRESERVED)}={quote(value, safe=_UNRESERVED)}" for name, value in pairs
    )
