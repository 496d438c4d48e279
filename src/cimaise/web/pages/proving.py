"""Solving a challenge before one uploads, for people who gave cause for care."""

from starlette.types import ASGIApp

from cimaise.errors import CimaiseError, Forbidden, UpstreamFailed
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.limits.challenging import clear, widget_of
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import local_path, page, shown
from cimaise.web.replies.problems import status_of


def proving_page(call: Call, following: str, error: CimaiseError | None = None) -> ASGIApp:
    """The form with the widget; ``following`` is where its sender goes on to."""
    return page(
        call,
        "prove.html",
        status=status_of(error) if error else 200,
        widget=widget_of(call),
        following=local_path(following),
        message=error.message if error else "",
    )


@shown
async def prove(call: Call) -> ASGIApp:
    """Take it: no upload is asked for half an hour."""
    require_own_page(call)
    form = await read_form(call, max_bytes=32 * 1024)
    widget, following = widget_of(call), local_path(form.get("next"))
    try:
        await clear(call, form.get(widget.field) if widget else None)
    except (Forbidden, UpstreamFailed) as error:
        return proving_page(call, following, error)
    return go_on(following)
