"""Which variants may be asked for: any within the limits, named ones, or those that were signed."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from cimaise.errors import Forbidden, Invalid
from cimaise.image_urls import EXPIRES, SIGNATURE, canonical_request, is_signature, sign_image_url

PARAMETERS: Final = frozenset({SIGNATURE, EXPIRES})
"""Of the query, and none of the picture's."""
_PURPOSE: Final = b"cimaise image urls v1"


class Policy(StrEnum):
    """What an installation allows."""

    OPEN = "open"  # everything within the limits
    PRESETS = "presets"  # named sizes only
    SIGNED = "signed"  # named sizes, and what was signed


def signing_keys(own: Sequence[str], secrets: Sequence[bytes]) -> tuple[bytes, ...]:
    """Keys of image URLs, the one that signs first.

    Args:
        own: From the settings, known to programs that sign as well.
        secrets: The server's; what they give is known to nobody else.
    """
    derived = (hmac.digest(secret, _PURPOSE, hashlib.sha256) for secret in secrets)
    return (*(key.encode() for key in own), *derived)


class ImagePolicy:
    """Signs, verifies, and refuses."""

    def __init__(
        self, policy: Policy, keys: Sequence[bytes], clock: Callable[[], datetime]
    ) -> None:
        """Make one.

        Args:
            policy: What is allowed.
            keys: The first signs, all verify; so keys can be changed one after the other.
            clock: The time, aware UTC.
        """
        self.policy: Final = policy
        self._keys = tuple(keys)
        self._clock = clock

    def sign(self, url: str, *, expires_at: int | None = None) -> str:
        """The URL with a signature: see :func:`cimaise.image_urls.sign_image_url`."""
        return sign_image_url(url, key=self._keys[0], expires_at=expires_at)

    def sign_own(self, url: str) -> str:
        """The same for an address on a page of ours; unchanged where signatures do not matter."""
        return self.sign(url) if self.policy is Policy.SIGNED else url

    def is_signed(self, path: str, pairs: Sequence[tuple[str, str]]) -> bool:
        """Was this request signed, and is it still good? False where it has no signature.

        Args:
            path: As it came, percent-encoded.
            pairs: The query's parameters, decoded.

        Raises:
            Forbidden: ``bad_signature`` or ``expired_signature``.
            Invalid: ``expires`` without a signature, or no number.
        """
        given = [value for name, value in pairs if name == SIGNATURE]
        expires = [value for name, value in pairs if name == EXPIRES]
        if not given:
            if expires:
                raise Invalid("expires is part of a signature.", field=EXPIRES)
            return False
        canonical = canonical_request(path, pairs)
        if len(given) > 1 or not is_signature(given[0], canonical, self._keys):
            raise Forbidden("The signature is not valid.", code="bad_signature")
        if expires and self._clock().timestamp() >= _seconds(expires[0]):
            raise Forbidden("The signature is past its time.", code="expired_signature")
        return True

    def require(self, *, is_signed: bool, is_named: bool) -> None:
        """Refuse what the policy does not allow.

        Args:
            is_signed: What :meth:`is_signed` says.
            is_named: One of the few variants that pages of ours ask for.

        Raises:
            Forbidden: It is neither open nor named nor, where that helps, signed.
        """
        if self.policy is Policy.OPEN or is_named:
            return
        if self.policy is Policy.PRESETS:
            raise Forbidden("Here pictures are given at named sizes only.")
        if not is_signed:
            raise Forbidden("Here pictures of other than named sizes need a signed address.")


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):  # noqa: PLR2004
        raise Invalid("expires is a number of seconds since 1970.", field=EXPIRES)
    return int(text)
