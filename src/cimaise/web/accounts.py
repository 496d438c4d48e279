"""Who am I, signing in and out, API keys."""

from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.access.account_rows import Account
from cimaise.access.keys import Key
from cimaise.errors import Forbidden, Invalid
from cimaise.web.call import Call
from cimaise.web.reply import empty_reply, json_reply
from cimaise.web.services import COOKIE
from cimaise.web.shapes import CreateKey, Login, quota_json, time_text


async def me(call: Call) -> ASGIApp:
    """The caller's account."""
    account = await call.services.accounts.find(call.principal.account_id)
    quota = await call.services.quota_of(account.id)
    return json_reply(account_json(account) | {"quota": quota_json(quota)})


def account_json(account: Account) -> dict[str, Any]:
    """An account as its owner sees it."""
    return {
        "id": account.id,
        "name": account.name,
        "role": account.role.value,
        "points": account.points,
    }


async def login(call: Call) -> ASGIApp:
    """Start a browser session with a one-time token or an API key."""
    require_own_page(call)
    body = await call.json(Login)
    if (body.token is None) == (body.key is None):
        raise Invalid("Give either token or key.", field="token")
    account = await sign_in(call, token=body.token, key=body.key)
    reply = json_reply(account_json(account))
    await set_cookie(call, reply, account.id)
    return reply


def require_own_page(call: Call) -> None:
    """A browser's request to sign in or out comes from a page of ours; other clients may too."""
    from_browser = "origin" in call.request.headers or "sec-fetch-site" in call.request.headers
    if from_browser and not call.services.is_own_page(call.request):
        raise Forbidden("This request came from another site.", code="cross_site")


async def sign_in(call: Call, *, token: str | None, key: str | None) -> Account:
    """The account behind a one-time token, which is spent by this, or behind a key."""
    if token is not None:
        return await call.services.sessions.use_sign_in(token)
    principal = await call.services.authenticator.authenticate(f"Bearer {key}", None)
    if principal.scopes:
        raise Forbidden("A limited key cannot start a session, which would be unlimited.")
    return await call.services.accounts.find(principal.account_id)


async def set_cookie(call: Call, reply: Response, account_id: str) -> None:
    """Start a session and give the browser its cookie."""
    value = await call.services.sessions.start(account_id)
    reply.set_cookie(
        COOKIE,
        value,
        max_age=int(call.services.settings.auth.session_ttl),
        httponly=True,
        samesite="lax",
        secure=call.services.settings.public_url.startswith("https:"),
    )


async def logout(call: Call) -> ASGIApp:
    """End the browser session."""
    if call.principal.session_id is not None:
        await call.services.sessions.end(call.principal)
    reply = empty_reply()
    reply.delete_cookie(COOKIE)
    return reply


async def create_key(call: Call) -> ASGIApp:
    """A new API key, shown once."""
    body = await call.json(CreateKey)
    if body.expires_at is not None and body.expires_at.tzinfo is None:
        raise Invalid("expires_at needs a time zone.", field="expires_at")
    key, text = await call.services.keys.create_key(
        call.principal, name=body.name, scopes=tuple(body.scopes), expires_at=body.expires_at
    )
    return json_reply(key_json(key) | {"key": text}, status=201)


async def list_keys(call: Call) -> ASGIApp:
    """The caller's keys, without their secrets."""
    found = await call.services.keys.list_keys(call.principal)
    return json_reply({"keys": [key_json(key) for key in found]})


def key_json(key: Key) -> dict[str, Any]:
    """A key without its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": list(key.scopes),
        "created_at": time_text(key.created_at),
        "expires_at": time_text(key.expires_at),
        "revoked_at": time_text(key.revoked_at),
    }


async def revoke_key(call: Call) -> ASGIApp:
    """Revoke a key, at once."""
    await call.services.keys.revoke_key(call.principal, call.path("id"))
    return empty_reply()
