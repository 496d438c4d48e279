"""Originals in a bucket, fetched at a CDN's edge: we decide, the worker there sends."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from cimaise.access.edge import EdgeLinks, EdgeObject
from cimaise.delivery.guard import Asking
from cimaise.delivery.tally import Transfer
from cimaise.originals import Delivery
from cimaise.rfc.validators import format_http_date
from cimaise.web.call import Call


def at_the_edge(call: Call, edge: EdgeLinks, delivery: Delivery, asking: Asking) -> ASGIApp:
    """A redirect to the worker, for a request that may have what it asks for.

    It counts as a transfer of all that was asked for: what the worker really sends, we never see.
    """
    file = delivery.file
    assert file.storage_key is not None
    what = EdgeObject(
        key=file.storage_key,
        media_type=delivery.what.media_type,
        disposition=dict(delivery.headers)["content-disposition"],
        etag=file.etag,
        last_modified=format_http_date(file.published_at),
        is_public=delivery.is_public,
    )
    if call.request.method != "HEAD":
        size = sum(span.stop - span.start for span in delivery.selection.ranges)
        call.services.delivery.tally.add(
            Transfer(size, asking.visitor, file.id, file.owner_id, asking.principal.account_id)
        )
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(edge.link(what, file.filename, now=call.now), 302, headers)
