"""Upload tokens: making them, and who asks where one is in the path."""

from typing import Any

from starlette.types import ASGIApp

from cimaise.access.links.upload_tokens import UploadRight, UploadToken
from cimaise.access.policy import Principal
from cimaise.errors import Forbidden
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.public import CreateUploadToken, time_text


async def create_token(call: Call) -> ASGIApp:
    """The right to upload into one collection, as URLs; shown once."""
    body = await call.json(CreateUploadToken)
    services = call.services
    collection = await services.library.collections.find(call.principal, body.collection)
    made, text = await services.access.upload_tokens.create(
        call.principal,
        collection.facts,
        expires_in_s=body.expires_in,
        max_bytes=body.max_bytes,
        max_files=body.max_files,
    )
    base_url = services.settings.public_url
    urls = {
        "token": text,
        "tus_url": f"{base_url}/tus/{text}/",
        "companion_url": f"{base_url}/companion/{text}",
        "form_url": f"{base_url}/upload/{text}",
    }
    return json_reply(token_json(made) | urls, status=201)


async def list_tokens(call: Call) -> ASGIApp:
    """The caller's own tokens, without what opens."""
    found = await call.services.access.upload_tokens.list(call.principal)
    return json_reply({"upload_tokens": [token_json(token) for token in found]})


async def revoke_token(call: Call) -> ASGIApp:
    """Take a token back, at once."""
    await call.services.access.upload_tokens.revoke(call.principal, call.path("id"))
    return empty_reply()


def token_json(token: UploadToken) -> dict[str, Any]:
    """A token without its text."""
    return {
        "id": token.id,
        "collection": token.collection,
        "created_at": time_text(token.created_at),
        "expires_at": time_text(token.expires_at),
        "max_bytes": token.max_bytes,
        "max_files": token.max_files,
        "used_bytes": token.taken_bytes,
        "used_files": token.taken_files,
    }


async def right_of(call: Call) -> UploadRight:
    """What the upload token in the path gives; it alone counts, whoever has signed in.

    Raises:
        NotFound: It is none of ours.
        Gone: It is past its time, or was taken back.
        Forbidden: Whoever made it is banned.
    """
    right = await call.services.access.upload_tokens.resolve(call.path("token"))
    call.services.access.watch.require_welcome(right.principal, call.address)
    call.count_for(right.principal.account_id)
    return right


async def principal_of(call: Call) -> tuple[Principal, str | None]:
    """Who asks, and the only collection that may be meant; ``None``: any."""
    if "token" not in call.request.path_params:
        return call.principal, None
    right = await right_of(call)
    return right.principal, right.collection


def only_collection(only: str | None, named: str | None) -> str | None:
    """The collection that is meant.

    Raises:
        Forbidden: Another one than the upload token's was named.
    """
    if only is not None and named and named != only:
        raise Forbidden("This upload address is for another collection.")
    return only or named
