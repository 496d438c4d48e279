"""Challenges at the door: what is offered, where an answer is looked for, and who is asked."""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp

from cimaise.access.challenge.base import Widget
from cimaise.errors import NotFound
from cimaise.web.call import Call
from cimaise.web.reply import json_reply

HEADER: Final = "challenge-answer"


async def offer(call: Call) -> ASGIApp:
    """A new challenge: ALTCHA's JSON, or the kind and site key of the service that is set."""
    challenge = call.services.challenges.challenge
    if challenge is None:
        raise NotFound("No challenge is asked for here.")
    return json_reply(challenge.offer())


def widget_of(call: Call) -> Widget | None:
    """What a page shows; ``None`` where nothing is asked for."""
    challenge = call.services.challenges.challenge
    return None if challenge is None else challenge.widget


async def require_solved(call: Call, form: Mapping[str, str] | None = None) -> None:
    """A right and unused answer in the header, or in a page's form; see ``Challenges.require``."""
    widget = widget_of(call)
    if widget is None:
        return
    answer = call.header(HEADER) or (form or {}).get(widget.field)
    await call.services.challenges.require(answer, address=call.address)
