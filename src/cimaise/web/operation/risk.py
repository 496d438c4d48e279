"""Scores and bans, for administrators."""

from typing import Any

from starlette.types import ASGIApp

from cimaise.access.risk.bans import Ban
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.admin import CreateBan
from cimaise.web.shapes.public import time_text


async def list_risks(call: Call) -> ASGIApp:
    """Who has a score, the highest first, and what it is made of."""
    return json_reply({"risks": await risks_json(call)})


async def risks_json(call: Call) -> list[dict[str, Any]]:
    """The same as values; administrators only."""
    names = {
        one.id: one.name
        for one in await call.services.access.accounts.list_accounts(call.principal)
    }
    watch = call.services.access.watch
    listed = []
    for risk in await watch.risks():
        care = watch.care_of(risk)
        listed.append(
            {
                "account": names.get(risk.holder),
                "address": None if risk.holder in names else risk.holder,
                "score": round(risk.score, 2),
                "reasons": {name: round(score, 2) for name, score in risk.reasons.items()},
                "rate_factor": round(care.factor, 2),
                "asks_challenge": care.asks_challenge,
            }
        )
    return listed


async def create_ban(call: Call) -> ASGIApp:
    """Keep an account or a network out."""
    body = await call.json(CreateBan)
    made = await call.services.access.bans.create(
        call.principal,
        account=body.account,
        network=body.network,
        reason=body.reason,
        until=body.until,
    )
    await call.services.access.watch.read()  # this process at once, others within seconds
    return json_reply(ban_json(made), status=201)


async def list_bans(call: Call) -> ASGIApp:
    """Every ban, the newest first."""
    found = await call.services.access.bans.list(call.principal)
    return json_reply({"bans": [ban_json(one) for one in found]})


async def lift_ban(call: Call) -> ASGIApp:
    """Let them in again."""
    await call.services.access.bans.lift(call.principal, call.path("id"))
    await call.services.access.watch.read()
    return empty_reply()


def ban_json(ban: Ban) -> dict[str, Any]:
    """A ban as administrators see it."""
    return {
        "id": ban.id,
        "account": ban.account,
        "network": ban.network,
        "reason": ban.reason,
        "created_at": time_text(ban.created_at),
        "until": time_text(ban.until) if ban.until else None,
        "lifted_at": time_text(ban.lifted_at) if ban.lifted_at else None,
    }
