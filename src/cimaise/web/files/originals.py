"""The untouched bytes of published files."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from cimaise.originals import Found, is_public
from cimaise.web.asgi.files_origin import is_granted, sent_over
from cimaise.web.call import Call
from cimaise.web.files.edge import at_the_edge
from cimaise.web.files.keeping_open import Changes, Keeping, changes_before
from cimaise.web.replies.reply import BytesReply
from cimaise.web.replies.transfers import TransferReply, cache_headers, require_transfer


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
