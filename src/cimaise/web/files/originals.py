"""The untouched bytes of published files, and links to them."""

from datetime import timedelta

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from cimaise.access.policy import require_manage_file
from cimaise.errors import Invalid
from cimaise.library.model import File
from cimaise.library.serving_types import INLINE_TYPES, served_type
from cimaise.originals import Found, is_public
from cimaise.rfc.disposition import format_disposition
from cimaise.rfc.sigv4 import MAX_EXPIRES_S
from cimaise.web.asgi.files_origin import is_granted, sent_over
from cimaise.web.call import Call
from cimaise.web.files.edge import at_the_edge
from cimaise.web.files.keeping_open import Changes, Keeping, changes_before
from cimaise.web.replies.reply import BytesReply, empty_reply, json_reply
from cimaise.web.replies.transfers import TransferReply, cache_headers, require_transfer
from cimaise.web.shapes.public import CreateLink, link_json, time_text


async def original(call: Call) -> ASGIApp:
    """The bytes, whole or in ranges."""
    changes = changes_before(call)
    download, subject = call.flag("download"), f"file {call.path('id')}"
    found = await call.services.delivery.originals.find(
        call.principal,
        call.path("id"),
        link_token=call.query("link"),
        is_granted=is_granted(call, subject),
    )
    if found.file.external_url is not None:
        return RedirectResponse(found.file.external_url, 302, {"referrer-policy": "no-referrer"})
    away = sent_over(call, subject, is_public=is_public(found.file, by_link=found.by_link))
    return away or await _delivered(call, found, changes, download=download)


async def _delivered(call: Call, found: Found, changes: Changes, *, download: bool) -> ASGIApp:
    asking = await require_transfer(call)
    delivery = await call.services.delivery.originals.deliver(
        found, call.wanted(), download=download, now=call.now
    )

    def count() -> None:
        if delivery.selection.begins:
            call.services.delivery.tally.count_download(delivery.file.id)

    if call.services.delivery.edge is not None and delivery.selection.ranges:
        count()
        return at_the_edge(call, call.services.delivery.edge, delivery, asking)
    tags = cache_headers(call, found.file, is_public=delivery.is_public)
    headers = dict(delivery.headers) | dict(tags)
    reply = BytesReply(delivery.what, delivery.selection, delivery.open, headers, count)
    reply.open = Keeping(call, found, delivery, reply, changes).open
    return TransferReply(reply, asking, call.services, found.file)


async def create_link(call: Call) -> ASGIApp:
    """A signed link to a file, for whoever may change it."""
    body = await call.json(CreateLink)
    services = call.services
    file = await _managed(call)
    if body.direct and services.storage.signed_door is None:
        return _direct_link(call, body, file)
    link, token = await services.access.links.create(
        call.principal,
        file.id,
        expires_in_s=body.expires_in,
        download=body.download,
        max_uses=body.max_uses,
    )
    url = f"{services.settings.public_url}/files/{file.id}?link={token}"
    facts = {"id": link.id, "url": url, "expires_at": time_text(link.expires_at)}
    return json_reply(facts, status=201)


async def _managed(call: Call) -> File:
    """The file that the path names, for whoever may change it."""
    file = await call.services.library.files.find(call.principal, call.path("id"))
    require_manage_file(call.principal, file.collection.facts, owner_id=file.owner_id)
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
    """Links that still open a file; their tokens are known to their makers alone."""
    file = await _managed(call)
    found = await call.services.access.links.of_file(call.principal, file.id)
    return json_reply({"links": [link_json(link) for link in found]})


async def revoke_links_of_file(call: Call) -> ASGIApp:
    """Take back every link to a file."""
    file = await _managed(call)
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
