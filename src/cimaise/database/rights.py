"""Transactions that may have changed who may see what, noticed by the statements they execute.

What somebody was allowed a moment ago is remembered for a moment. A right that is taken away has
to end that, whoever takes it and by which function; so nobody has to think of saying so. Every
statement counts that writes to a table which is not known to be beside the point.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Delete, Engine, Insert, Select, Update, event

_OPTION: Final = "cimaise_rights"
KEEPS_RIGHTS: Final[Mapping[str, Any]] = {"cimaise_keeps_rights": True}
"""Execution options of a statement that writes to such a table, and changes nobody's rights."""

BESIDE_THE_POINT: Final = frozenset(
    {
        "audit",
        "checksums",
        "delivered_days",
        "discarded_objects",
        "failed_uploads",
        "fences",
        "folder_indexes",
        "folder_pictures",
        "key_moves",
        "purges",
        "risk_scores",
        "source_answers",
        "tus_parts",
        "tus_pieces",
        "tus_uploads",
        "uploads",
        "usage_counts",
        "usage_days",
        "usage_totals",
        "webhook_deliveries",
        "webhooks",
    }
)
_CREDENTIALS: Final = frozenset(
    {"browser_sessions", "keys", "links", "shares", "sign_in_links", "upload_tokens"}
)
"""A new row gives a right and takes none."""


@dataclass(slots=True)
class Touched:
    """Whether a transaction may have changed rights."""

    is_so: bool = False

    def watch(self, connection: Connection) -> None:
        """Look at what this connection executes, until it is given back."""
        connection.execution_options(**{_OPTION: self})


def prepare_to_watch(engine: Engine) -> None:
    """Let :class:`Touched` see the statements of this engine's connections."""

    @event.listens_for(engine, "before_execute")
    def _look(
        _connection: Connection,
        statement: Any,
        _many: Any,
        _parameters: Any,
        options: Mapping[str, Any],
    ) -> None:
        touched = options.get(_OPTION)
        if touched is not None and not touched.is_so:
            touched.is_so = _may_change_rights(statement, options)


def _may_change_rights(statement: Any, options: Mapping[str, Any]) -> bool:
    if isinstance(statement, Select) or options.keys() >= KEEPS_RIGHTS.keys():
        return False
    if not isinstance(statement, Insert | Update | Delete):
        return True  # words of our own: nobody knows what they say
    table = getattr(statement.table, "name", "")
    if isinstance(statement, Insert) and table in _CREDENTIALS:
        return False
    return table not in BESIDE_THE_POINT
