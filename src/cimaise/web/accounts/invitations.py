"""Invitations, and accounts that people make for themselves."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.access.accounts.changes import LIMITS
from cimaise.access.accounts.invitations import Invitation, Terms
from cimaise.access.accounts.registration import Wanted
from cimaise.access.policy import Role
from cimaise.web.accounts.own import account_json, require_own_page, set_cookie
from cimaise.web.call import Call
from cimaise.web.limits.challenging import require_solved
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.admin import CreateInvitation, Register
from cimaise.web.shapes.public import time_text


async def create_invitation(call: Call) -> ASGIApp:
    """An invitation; its address is shown this once."""
    body = await call.json(CreateInvitation)
    limits = {name: getattr(body, name) for name in LIMITS}
    terms = Terms(body.note, Role(body.role), limits, body.expires_in)
    made, token = await call.services.access.invitations.create(call.principal, terms)
    return json_reply(invitation_json(made) | {"url": join_url(call, token)}, status=201)


def join_url(call: Call, token: str) -> str:
    """Where an invitation is accepted."""
    return f"{call.services.settings.public_url}/join/{quote(token)}"


async def list_invitations(call: Call) -> ASGIApp:
    """Those that are open or were used."""
    found = await call.services.access.invitations.list_invitations(call.principal)
    return json_reply({"invitations": [invitation_json(one) for one in found]})


def invitation_json(one: Invitation) -> dict[str, Any]:
    """An invitation without its address."""
    return {
        "id": one.id,
        "note": one.note,
        "role": one.role.value,
        **one.limits,
        "created_at": time_text(one.created_at),
        "expires_at": time_text(one.expires_at),
        "used_by": one.used_by,
    }


async def revoke_invitation(call: Call) -> ASGIApp:
    """Take an invitation back."""
    await call.services.access.invitations.revoke(call.principal, call.path("id"))
    return empty_reply()


async def accept(call: Call) -> ASGIApp:
    """Make the account of an invitation, and sign in."""
    require_own_page(call)
    body = await call.json(Register)
    wanted = Wanted(body.name, body.password, body.email)
    account = await call.services.access.invitations.accept(call.path("token"), wanted)
    reply: Response = json_reply(account_json(account), status=201)
    await set_cookie(call, reply, account.id)
    return reply


async def register(call: Call) -> ASGIApp:
    """Make an account where registration is open, and sign in; for a solved challenge."""
    require_own_page(call)
    call.services.access.registration.require_open()
    body = await call.json(Register)
    await require_solved(call)
    wanted = Wanted(body.name, body.password, body.email)
    account = await call.services.access.registration.register(wanted)
    reply: Response = json_reply(account_json(account), status=201)
    await set_cookie(call, reply, account.id)
    return reply
