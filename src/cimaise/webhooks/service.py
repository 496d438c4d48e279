"""What administrators may do with webhooks."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from cimaise.access import policy as rights
from cimaise.access.policy import Principal
from cimaise.database.audit import record
from cimaise.database.audit.sealing import seal
from cimaise.database.engine import Database
from cimaise.errors import Invalid
from cimaise.webhooks.rows import (
    Delivery,
    Webhook,
    add_webhook,
    end_webhook,
    list_deliveries,
    list_webhooks,
    replay,
)
from cimaise.webhooks.signing import new_secret

_MAX_URL: Final = 2000
_MAX_EVENTS: Final = 100
_MAX_EVENT: Final = 40


class Webhooks:
    """Made by the composition root."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id

    async def create(self, principal: Principal, url: str, events: list[str]) -> Webhook:
        """Tell ``url`` of what happens from now on. The secret is shown by this only.

        Args:
            principal: An administrator.
            url: http or https.
            events: Actions of the audit log: ``file.published``, ``upload.*``, or ``*``.

        Raises:
            Invalid: A URL or an event that is none.
        """
        rights.require_admin(principal)
        _require_url(url)
        _require_events(events)
        now = self._clock()
        hook = Webhook(self._new_id(), url, tuple(events), new_secret(), principal.account_id, now)

        def work(connection: Connection) -> None:
            while seal(connection)[0]:
                pass  # so that what was written before is not told
            add_webhook(connection, hook)
            _note(connection, "webhook.created", hook.id, principal, now, url=url, events=events)

        await self._database.write(work)
        return hook

    async def list(self, principal: Principal) -> Sequence[Webhook]:
        """All that have not ended."""
        rights.require_admin(principal)
        return await self._database.read(list_webhooks)

    async def end(self, principal: Principal, webhook_id: str) -> None:
        """Tell it nothing any more."""
        rights.require_admin(principal)
        now = self._clock()

        def work(connection: Connection) -> None:
            end_webhook(connection, webhook_id, now)
            _note(connection, "webhook.ended", webhook_id, principal, now)

        await self._database.write(work)

    async def deliveries(
        self, principal: Principal, webhook_id: str, *, limit: int
    ) -> Sequence[Delivery]:
        """What it was told or will be, the newest first."""
        rights.require_admin(principal)
        return await self._database.read(
            partial(list_deliveries, webhook_id=webhook_id, limit=limit)
        )

    async def replay(self, principal: Principal, webhook_id: str, delivery_id: str) -> Delivery:
        """Send one again."""
        rights.require_admin(principal)
        return await self._database.write(
            lambda connection: replay(connection, webhook_id, delivery_id, self._clock())
        )


def _note(
    connection: Connection, action: str, subject: str, principal: Principal, now: datetime,
    **details: object,
) -> None:  # fmt: skip
    record(
        connection, at=now, account_id=principal.account_id, action=action, subject=subject,
        details=details,
    )  # fmt: skip


def _require_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as fault:
        raise Invalid("url is not a URL.", field="url") from fault
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > _MAX_URL:
        raise Invalid("url is an http or https URL.", field="url")
    if not url.isprintable() or " " in url:
        raise Invalid("url has characters that no URL has.", field="url")


def _require_events(events: list[str]) -> None:
    if not 1 <= len(events) <= _MAX_EVENTS:
        raise Invalid(f"events is a list of 1 to {_MAX_EVENTS} actions.", field="events")
    for event in events:
        words = event.removesuffix("*").removesuffix(".").split(".")
        is_one = event == "*" or all(
            word.replace("-", "").replace("_", "").isalpha() for word in words
        )
        if not is_one or len(event) > _MAX_EVENT:
            raise Invalid("An event is like file.published, upload.* or *.", field="events")
