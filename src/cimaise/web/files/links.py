"""Signed links to files as they are made, listed and taken back, by those who may change a file."""

from datetime import timedelta

from starlette.types import ASGIApp

from cimaise.access import policy
from cimaise.access.links.links import Link
from cimaise.access.policy import Scope
from cimaise.errors import Invalid
from cimaise.library.model import File
from cimaise.library.serving_types import INLINE_TYPES, served_type
from cimaise.rfc.disposition import format_disposition
from cimaise.rfc.sigv4 import MAX_EXPIRES_S
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.public import CreateLink, link_json, time_text


async def create_link(call: Call) -> ASGIApp:
    """A signed link to a file, for whoever may change it."""
    body = await call.json(CreateLink)
    services = call.services
    file = await managed_file(call)
    if body.direct and services.storage.signed_door is None:
        return _direct_link(call, body, file)
    link, _ = await services.access.links.create(
        call.principal,
        file.id,
        expires_in_s=body.expires_in,
        download=body.download,
        max_uses=body.max_uses,
    )
    facts = {"id": link.id, "url": address_of(call, link), "expires_at": time_text(link.expires_at)}
    return json_reply(facts, status=201)


def address_of(call: Call, link: Link) -> str:
    """What is sent to others."""
    token = call.services.access.links.token(link)
    return f"{call.services.settings.public_url}/files/{link.file_id}?link={token}"


async def managed_file(call: Call) -> File:
    """The file that the path names, for whoever may change it."""
    file = await call.services.library.files.find(call.principal, call.path("id"))
    policy.require_manage_file(call.principal, file.collection.facts, owner_id=file.owner_id)
    return file


def _direct_link(call: Call, body: CreateLink, file: File) -> ASGIApp:
    """The storage's own signed URL: fast, and not to be taken back before it expires."""
    presigner = call.services.storage.presigner
    if body.max_uses is not None or presigner is None or file.storage_key is None:
        raise Invalid("A direct link can have no max_uses.", field="direct")
    ttl_s = call.services.settings.links.ttl if body.expires_in is None else body.expires_in
    if not 1 <= ttl_s <= MAX_EXPIRES_S:  # NaN too
        raise Invalid("A direct link lives 1 second to 7 days.", field="expires_in")
    expires_at = call.now + timedelta(seconds=ttl_s)
    signed = presigner.get(
        file.storage_key,
        expires_at=expires_at,
        content_type=served_type(file.content_type),
        content_disposition=format_disposition(
            file.filename, attachment=body.download or file.content_type not in INLINE_TYPES
        ),
    )
    facts = {"id": None, "url": signed.url, "expires_at": time_text(expires_at)}
    return json_reply(facts, status=201)


async def list_links(call: Call) -> ASGIApp:
    """Links that still open a file; their addresses for whoever could make such links as well."""
    file = await managed_file(call)
    found = await call.services.access.links.of_file(call.principal, file.id)
    is_maker = not call.principal.scopes or Scope.MANAGE in call.principal.scopes
    listed = [
        link_json(link) | {"url": address_of(call, link) if is_maker else None} for link in found
    ]
    return json_reply({"links": listed})


async def revoke_links_of_file(call: Call) -> ASGIApp:
    """Take back every link to a file."""
    file = await managed_file(call)
    revoked = await call.services.access.links.revoke_of_file(call.principal, file.id)
    return json_reply({"revoked": revoked})


async def revoke_links(call: Call) -> ASGIApp:
    """Take back every link of an account, the caller's own or (for admins) ``account``'s."""
    revoked = await call.services.access.links.revoke_of_account(
        call.principal, account_id=call.query("account"), key_id=call.query("key")
    )
    return json_reply({"revoked": revoked})


async def revoke_link(call: Call) -> ASGIApp:
    """Take a link back, at once."""
    await call.services.access.links.revoke(call.principal, call.path("id"))
    return empty_reply()
