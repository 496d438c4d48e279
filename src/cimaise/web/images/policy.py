"""Requests for pictures against the installation's policy."""

from dataclasses import replace
from typing import Final

from cimaise.albums.addresses import OFFERED_WIDTHS_PX, THUMB_WIDTH_PX
from cimaise.image_urls import EXPIRES
from cimaise.images.policy import PARAMETERS, Policy
from cimaise.rfc.caching import CachePolicy
from cimaise.web.call import Call

NO_PARAMETERS: Final = frozenset({"url", "link"}) | PARAMETERS
"""Of the query, and none of the picture's."""


def is_signed(call: Call) -> bool:
    """Does the request carry a good signature? A bad one is refused, whatever the policy."""
    scope = call.request.scope
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    path = call.at(path)  # programs sign what they see
    return call.services.images.policy.is_signed(path, call.request.query_params.multi_items())


def require_allowed(call: Call, *, own_width: int | None = None, is_remote: bool = False) -> None:
    """Refuse a variant that the policy does not allow.

    Named are the widths that pages of ours ask for, and nothing else changed. Of a remote
    picture they are not enough where addresses are signed: anybody could name any picture.

    Args:
        call: The request.
        own_width: Of the picture, in pixels, where it is known: that is named too.
        is_remote: It comes from another server.

    Raises:
        Forbidden: Not allowed, or the signature is no good.
    """
    policy = call.services.images.policy
    query = call.request.query_params
    params = {name: text for name, text in query.multi_items() if name not in NO_PARAMETERS}
    widths = {str(width) for width in (THUMB_WIDTH_PX, *OFFERED_WIDTHS_PX, own_width)}
    is_named = set(params) == {"width"} and params["width"] in widths
    if is_remote and policy.policy is Policy.SIGNED:
        is_named = False
    policy.require(is_signed=is_signed(call), is_named=is_named)


def within_signature(call: Call, policy: CachePolicy) -> CachePolicy:
    """Nobody keeps a picture for longer than the address is good."""
    expires = call.query(EXPIRES)
    if expires is None:
        return policy
    left_s = int(expires) - int(call.now.timestamp())  # a number: the signature was checked
    return replace(policy, max_age_s=min(policy.max_age_s, left_s), immutable=False)
