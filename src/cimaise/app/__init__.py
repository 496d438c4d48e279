"""The composition root: settings in, ASGI application out. Nobody else names concrete classes."""

from cimaise.app.application import Application
from cimaise.app.building import build, create_app
from cimaise.app.sources import random_id, utc_now

__all__ = ["Application", "build", "create_app", "random_id", "utc_now"]
