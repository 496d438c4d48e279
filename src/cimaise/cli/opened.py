"""The application without its server, for commands that work beside it or instead of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from cimaise.cli.refusal import Refused, os_fault
from cimaise.settings import Settings

if TYPE_CHECKING:
    from cimaise.app import Application
    from cimaise.web.services import Services

T = TypeVar("T")


def build_application(settings: Settings) -> "Application":
    """The application, wired, not started.

    Raises:
        Refused: A URL in the settings names nothing that there is, or the data folder cannot be
            made.
    """
    from sqlalchemy.exc import ArgumentError

    from cimaise.app import build

    try:
        return build(settings)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    except ArgumentError as fault:
        raise Refused("CIMAISE_DATABASE_URL: this is no URL of a database") from fault
    except OSError as fault:
        raise os_fault("The data folder cannot be used", fault) from fault


def with_services(settings: Settings, work: Callable[["Services"], Awaitable[T]]) -> T:
    """Run ``work`` on an application whose database is up to date, then close it.

    A server may run on the same data at the same time. The first account is left to its first
    start, so that whoever starts it sees the link.
    """
    return asyncio.run(_work(settings, work))


async def _work(settings: Settings, work: Callable[["Services"], Awaitable[T]]) -> T:
    from cimaise.database.migrate import migrate

    application = build_application(settings)
    try:
        migrate(application.services.database)
        result = await work(application.services)
        await application.services.operation.usage.flush()
        return result
    finally:
        await application.stop()
