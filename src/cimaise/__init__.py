"""A media server: on its own by ``cimaise serve``, or inside another application.

    from cimaise import Settings, create_app

    media = create_app(Settings(...), authenticate=who_is_it, sign_in_url="/sign-in")

See ``docs/how-to/use-in-your-own-application.md``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cimaise.app import Application, create_app
    from cimaise.settings import Settings, load
    from cimaise.web.asgi.host import Person

__all__ = ["Application", "Person", "Settings", "create_app", "load"]

_PLACES = {
    "Application": "cimaise.app",
    "Person": "cimaise.web.asgi.host",
    "Settings": "cimaise.settings",
    "create_app": "cimaise.app",
    "load": "cimaise.settings",
}


def __getattr__(name: str) -> Any:
    """Names of the public interface, imported when they are asked for: most of it is not light."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_PLACES[name]), name)
