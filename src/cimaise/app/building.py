"""Settings in, application out."""

from cimaise.app.application import Application
from cimaise.app.parts import open_parts
from cimaise.app.services import open_services
from cimaise.app.sources import random_id
from cimaise.images.libvips import prepare_libvips
from cimaise.middleware.request_id import RequestIdMiddleware
from cimaise.middleware.safesend import SafeSendMiddleware
from cimaise.settings import Settings
from cimaise.web.answered import Answered, deadline_answer
from cimaise.web.companion import with_one_slash
from cimaise.web.files_origin import with_files_origin
from cimaise.web.front import with_front
from cimaise.web.iiif import with_raw_segments
from cimaise.web.router import build_router, moves_bytes
from cimaise.web.routes import LINES, mounts


def build(settings: Settings) -> Application:
    """Everything, wired; nothing is connected to or started yet.

    Raises:
        ValueError: A URL in the settings names a database or storage that there is none of, or a
            watermark cannot be read.
    """
    prepare_libvips()
    parts = open_parts(settings)
    services = open_services(settings, parts)
    router = build_router(services, LINES, mounts())
    parted = with_files_origin(router, settings.delivery.files_url)
    guarded = SafeSendMiddleware(
        parted,
        timeout=settings.server.deadline,
        exempt=moves_bytes(LINES),
        deadline_response=deadline_answer,
    )
    addressed = with_one_slash(with_raw_segments(guarded))
    door = RequestIdMiddleware(
        with_front(addressed, settings), new_id=random_id, access_log=Answered(services.usage)
    )
    return Application(settings, services, parts, door)
