"""Challenges at the door: what is offered, where an answer is looked for, and who is asked."""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp

from cimaise.access.challenge.base import Widget
from cimaise.errors import NotFound
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply

HEADER: Final = "challenge-answer"


async def offer(call: Call) -> ASGIApp:
    """A new challenge: ALTCHA's JSON, or the kind and site key of the service that is set."""
    challenge = call.services.access.challenges.challenge
    if challenge is None:
        raise NotFound("No challenge is asked for here.")
    return json_reply(challenge.offer())


def widget_of(call: Call) -> Widget | None:
    """What a page shows; ``None`` where nothing is asked for."""
    challenge = call.services.access.challenges.challenge
    return None if challenge is None else challenge.widget


async def require_solved(call: Call, form: Mapping[str, str] | None = None) -> None:
    """A right and unused answer in the header, or in a page's form; see ``Challenges.require``."""
    widget = widget_of(call)
    if widget is None:
        return
    answer = call.header(HEADER) or (form or {}).get(widget.field)
    await call.services.access.challenges.require(answer, address=call.address)


def is_suspected(call: Call) -> bool:
    """Whoever asks gave cause for care: uploads that failed, types that were refused."""
    if call.services.operation.limiter.is_exempt(call.address):
        return False
    return call.services.access.watch.care(call.principal, call.address).asks_challenge


async def must_solve(call: Call) -> bool:
    """Whether an upload that begins now would be asked for a challenge."""
    return is_suspected(call) and not await call.services.access.challenges.is_cleared(
        _holder(call)
    )


async def require_unsuspected(call: Call) -> None:
    """For an upload that begins: a solved challenge from whoever gave cause for care.

    One answer, in the header, clears the account (or the address of a guest) for half an hour.
    """
    if await must_solve(call):
        await clear(call, call.header(HEADER))


async def clear(call: Call, answer: str | None) -> None:
    """Take an answer, so that uploads are not asked for a while."""
    await call.services.access.challenges.clear(answer, holder=_holder(call), address=call.address)


def _holder(call: Call) -> str:
    return call.principal.account_id or call.address


async def solve(call: Call) -> ASGIApp:
    """Take an answer before it is asked for."""
    await clear(call, call.header(HEADER))
    return empty_reply()
