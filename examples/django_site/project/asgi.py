"""Django, with Cimaise below /media: ``uvicorn project.asgi:application``."""

import os
from io import BytesIO
from typing import Any

from django.core.asgi import get_asgi_application
from starlette.applications import Starlette
from starlette.routing import Mount

from cimaise import Person, create_app, load

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django = get_asgi_application()

# These need the project's settings, which are read just above.
from django.conf import settings as project  # noqa: E402
from django.contrib.auth import aget_user  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.handlers.asgi import ASGIRequest  # noqa: E402


async def who_asks(scope: dict[str, Any]) -> Person | None:
    """For Cimaise: whose session a request to /media carries, as Django's middleware finds it."""
    request = ASGIRequest(scope, BytesIO())
    request.session = SessionStore(request.COOKIES.get(project.SESSION_COOKIE_NAME))
    user = await aget_user(request)
    if not user.is_authenticated:
        return None
    return Person(user.get_username(), "admin" if user.is_superuser else "member")


settings = load(
    {
        "CIMAISE_DATA_DIR": "media-data",
        "CIMAISE_SERVER_PUBLIC_URL": "http://127.0.0.1:8000/media",
        **os.environ,
    }
).settings
media = create_app(settings, authenticate=who_asks, sign_in_url="/sign-in")

# Django knows no lifespan, so the few lines around both of them have Cimaise's.
application = Starlette(
    routes=[Mount("/media", app=media), Mount("/", app=django)], lifespan=media.lifespan
)
