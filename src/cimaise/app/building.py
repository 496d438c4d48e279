"""Settings in, application out."""

import os

from cimaise.access.subjects import Subjects
from cimaise.app.application import Application
from cimaise.app.parts import open_parts
from cimaise.app.services import open_services
from cimaise.app.sources import random_id, utc_now
from cimaise.images.libvips import prepare_libvips
from cimaise.middleware.request_id import RequestIdMiddleware
from cimaise.middleware.safesend import SafeSendMiddleware
from cimaise.settings import Settings, load
from cimaise.web.asgi.access_log import Answered, deadline_answer
from cimaise.web.asgi.files_origin import with_files_origin
from cimaise.web.asgi.host import Ask, Host
from cimaise.web.asgi.mounting import at_the_root
from cimaise.web.images.iiif import with_raw_segments
from cimaise.web.replies.front import with_front
from cimaise.web.router import build_router, moves_bytes
from cimaise.web.routes import mounts
from cimaise.web.uploads.companion import with_one_slash


def build(
    settings: Settings, authenticate: Ask | None = None, *, sign_in_url: str = ""
) -> Application:
    """Everything, wired; nothing is connected to or started yet.

    Args:
        settings: All of them.
        authenticate: Says who somebody is, where another application signs people in.
        sign_in_url: Of that application; for links on pages.

    Raises:
        ValueError: A URL in the settings names a database or storage that there is none of, or a
            watermark cannot be read.
    """
    prepare_libvips()
    parts = open_parts(settings)
    subjects = Subjects(parts.database, utc_now, random_id)
    host = Host(authenticate, subjects, sign_in_url) if authenticate is not None else None
    services = open_services(settings, parts, host)
    router = build_router(services, services.operation.lines, mounts())
    parted = with_files_origin(router, settings.delivery.files_url)
    guarded = SafeSendMiddleware(
        parted,
        timeout=settings.server.deadline,
        exempt=moves_bytes(services.operation.lines),
        deadline_response=deadline_answer,
    )
    addressed = with_one_slash(with_raw_segments(guarded))
    named = RequestIdMiddleware(
        with_front(addressed, settings),
        new_id=random_id,
        access_log=Answered(services.operation.usage),
    )
    door = at_the_root(named, settings.base_path)
    return Application(settings, services, parts, door)


def create_app(
    settings: Settings | None = None, *, authenticate: Ask | None = None, sign_in_url: str = ""
) -> Application:
    """The server as an ASGI application, to be run or to be mounted in another one.

    Args:
        settings: All of them; ``None``: from the environment. Mounted, the path of the public URL
            is the one that it is mounted at.
        authenticate: Called with the ASGI scope of each request, as it is passed on to us: who
            asks, or ``None``. With it, nobody signs in here: the pages and routes for that are
            absent, and only our own API keys count besides.
        sign_in_url: Where our pages send people to sign in then.

    Raises:
        SettingsFault: The environment has settings that are wrong.
        ValueError: As :func:`build`.
    """
    return build(
        load(os.environ).settings if settings is None else settings,
        authenticate,
        sign_in_url=sign_in_url,
    )
