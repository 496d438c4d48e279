"""Who am I, signing in and out, API keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.access.accounts.rows import Account
from cimaise.access.keys.keys import Key
from cimaise.access.sessions.rows import Session
from cimaise.errors import Forbidden, Invalid, NotSignedIn
from cimaise.web.call import Call
from cimaise.web.limits.challenging import is_suspected, require_solved
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.public import (
    ChangeMe,
    ChangePassword,
    CreateKey,
    Login,
    quota_json,
    time_text,
)


async def me(call: Call) -> ASGIApp:
    """The caller's account."""
    account = await call.services.access.accounts.find(call.principal.account_id)
    quota = await call.services.quota_of(account.id)
    return json_reply(account_json(account) | {"quota": quota_json(quota)})


async def change_me(call: Call) -> ASGIApp:
    """Set or drop the e-mail address that one signs in by."""
    body = await call.json(ChangeMe)
    await call.services.access.account_passwords.change_email(call.principal, body.email)
    return await me(call)


async def change_password(call: Call) -> ASGIApp:
    """A new password; the account's other sessions end."""
    body = await call.json(ChangePassword)
    await call.services.access.account_passwords.change(
        call.principal, current=body.current, new=body.new, address=call.address
    )
    return empty_reply()


def account_json(account: Account) -> dict[str, Any]:
    """An account as its owner sees it."""
    return {
        "id": account.id,
        "name": account.name,
        "role": account.role.value,
        "points": account.points,
        "email": account.email,
    }


async def login(call: Call) -> ASGIApp:
    """Start a browser session with name and password, an API key or a one-time token."""
    require_own_page(call)
    body = await call.json(Login)
    given = SignIn(body.name, body.password, body.token, body.key)
    account = await sign_in(call, given)
    reply = json_reply(account_json(account))
    await set_cookie(call, reply, account.id)
    return reply


@dataclass(frozen=True, slots=True)
class SignIn:
    """What somebody signs in with: one of three, the others ``None``."""

    name: str | None = None
    password: str | None = None
    token: str | None = None
    key: str | None = None


def require_own_page(call: Call) -> None:
    """A browser's request to sign in or out comes from a page of ours; other clients may too."""
    from_browser = "origin" in call.request.headers or "sec-fetch-site" in call.request.headers
    if from_browser and not call.services.is_own_page(call.request):
        raise Forbidden("This request came from another site.", code="cross_site")


async def sign_in(call: Call, given: SignIn, form: Mapping[str, str] | None = None) -> Account:
    """The account behind name and password, a key, or a one-time token, which is spent by this.

    After failures a password asks for a solved challenge, in the header or in the ``form``.
    """
    if [given.password, given.token, given.key].count(None) != 2:  # noqa: PLR2004 (all but one)
        raise Invalid("Give name and password, or token, or key.", field="token")
    services = call.services
    if given.password is not None:
        return await _by_password(call, given.name or "", given.password, form)
    if given.token is not None:
        return await services.access.sessions.use_sign_in(given.token)
    principal = await services.access.authenticator.authenticate(f"Bearer {given.key}", None)
    if principal.scopes:
        raise Forbidden("A limited key cannot start a session, which would be unlimited.")
    return await services.access.accounts.find(principal.account_id)


async def _by_password(
    call: Call, name: str, password: str, form: Mapping[str, str] | None
) -> Account:
    challenges, address = call.services.access.challenges, call.address
    is_needed = await challenges.is_needed_to_sign_in(address=address, login=name)
    if is_needed or is_suspected(call):
        await require_solved(call, form)
    try:
        return await call.services.access.account_passwords.sign_in(name, password, address=address)
    except NotSignedIn:
        await challenges.note_failure(address=address, login=name)
        raise


async def set_cookie(call: Call, reply: Response, account_id: str, *, provider: str = "") -> None:
    """Start a session and give the browser its cookie; the one that it had ends.

    ``provider`` is the issuer that says who it is, where one does.
    """
    services = call.services
    value = await services.access.sessions.start(
        account_id,
        address=call.address,
        user_agent=call.header("user-agent") or "",
        replaces=call.principal.session_id,
        provider=provider,
    )
    reply.set_cookie(
        services.cookie_name,
        value,
        max_age=int(services.settings.auth.session_ttl),
        httponly=True,
        samesite="lax",
        secure=services.is_secure,
    )


def drop_cookie(call: Call, reply: Response) -> None:
    """Let the browser forget its session."""
    services = call.services
    reply.delete_cookie(
        services.cookie_name, httponly=True, samesite="lax", secure=services.is_secure
    )


async def list_sessions(call: Call) -> ASGIApp:
    """Browsers that are signed in to the caller's account."""
    found = await call.services.access.sessions.list_sessions(call.principal)
    return json_reply({"sessions": [session_json(one) for one in found]})


def session_json(session: Session) -> dict[str, Any]:
    """A session as its owner sees it."""
    return {
        "id": session.id,
        "created_at": time_text(session.created_at),
        "last_seen_at": time_text(session.last_seen_at),
        "expires_at": time_text(session.expires_at),
        "address": session.address,
        "user_agent": session.user_agent,
        "current": session.is_current,
    }


async def end_session(call: Call) -> ASGIApp:
    """Sign one browser out."""
    await call.services.access.sessions.end_one(call.principal, call.path("id"))
    return empty_reply()


async def end_other_sessions(call: Call) -> ASGIApp:
    """Sign every browser out but the one that asks."""
    return json_reply({"ended": await call.services.access.sessions.end_others(call.principal)})


async def logout(call: Call) -> ASGIApp:
    """End the browser session."""
    if call.principal.session_id is not None:
        await call.services.access.sessions.end(call.principal)
    reply = empty_reply()
    drop_cookie(call, reply)
    return reply


async def create_key(call: Call) -> ASGIApp:
    """A new API key, shown once."""
    body = await call.json(CreateKey)
    if body.expires_at is not None and body.expires_at.tzinfo is None:
        raise Invalid("expires_at needs a time zone.", field="expires_at")
    key, text = await call.services.access.keys.create_key(
        call.principal, name=body.name, scopes=tuple(body.scopes), expires_at=body.expires_at
    )
    return json_reply(key_json(key) | {"key": text}, status=201)


async def list_keys(call: Call) -> ASGIApp:
    """The caller's keys, without their secrets."""
    found = await call.services.access.keys.list_keys(call.principal)
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
        "last_used_at": time_text(key.last_used_at),
    }


async def revoke_key(call: Call) -> ASGIApp:
    """Revoke a key, at once."""
    await call.services.access.keys.revoke_key(call.principal, call.path("id"))
    return empty_reply()
