"""A FastAPI application that signs people in, with Cimaise below /media.

uvicorn app:app
"""

import os
import secrets
from html import escape
from http.cookies import SimpleCookie
from typing import Annotated, Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from fastapi import Cookie, FastAPI, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from cimaise import Person, create_app, load

# What this application has anyway: people, and who is signed in.
HASHER = PasswordHasher()
PEOPLE = {
    "ann": HASHER.hash(os.environ.get("ANN_PASSWORD") or secrets.token_urlsafe()),
    "bob": HASHER.hash(os.environ.get("BOB_PASSWORD") or secrets.token_urlsafe()),
}
STAFF = {"bob"}
SESSIONS: dict[str, str] = {}
COOKIE = "session"


async def who_asks(scope: dict[str, Any]) -> Person | None:
    """For Cimaise: whose session a request to /media carries."""
    cookies = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1"))
    name = SESSIONS.get(cookies[COOKIE].value) if COOKIE in cookies else None
    if name is None:
        return None
    return Person(account=name, role="admin" if name in STAFF else "member")


settings = load(
    {
        "CIMAISE_DATA_DIR": "media-data",
        "CIMAISE_SERVER_PUBLIC_URL": "http://127.0.0.1:8000/media",
        **os.environ,
    }
).settings
media = create_app(settings, authenticate=who_asks, sign_in_url="/sign-in")

# FastAPI does not run the lifespan of what it mounts, so Cimaise's is this application's own.
app = FastAPI(lifespan=media.lifespan)
app.mount("/media", media)


@app.get("/")
def home(session: Annotated[str, Cookie()] = "") -> HTMLResponse:
    """A page of the application itself."""
    name = SESSIONS.get(session, "stranger")
    return HTMLResponse(f"<p>Hello {escape(name)}. <a href=/media/>Pictures</a></p>")


@app.get("/sign-in")
def form() -> HTMLResponse:
    """Where people sign in."""
    return HTMLResponse(
        "<form method=post><input name=username><input name=password type=password>"
        "<button>Sign in</button></form>"
    )


@app.post("/sign-in")
def sign_in(username: Annotated[str, Form()], password: Annotated[str, Form()]) -> RedirectResponse:
    """Begin a session."""
    try:
        HASHER.verify(PEOPLE.get(username, PEOPLE["ann"]), password)
    except VerifyMismatchError:
        return RedirectResponse("/sign-in", 303)
    if username not in PEOPLE:
        return RedirectResponse("/sign-in", 303)
    answer = RedirectResponse("/", 303)
    session = secrets.token_urlsafe()
    SESSIONS[session] = username
    answer.set_cookie(COOKIE, session, httponly=True, samesite="lax")
    return answer


@app.post("/sign-out")
def sign_out(session: Annotated[str, Cookie()] = "") -> RedirectResponse:
    """End it."""
    SESSIONS.pop(session, None)
    return RedirectResponse("/", 303)
