"""Looking at the log, the newest entries first."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from cimaise.database.audit.chain import Entry
from cimaise.database.audit.sealing import entry_of
from cimaise.database.schema import audit


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; ``None`` is any. ``action`` may end with ``*``."""

    action: str | None = None
    subject: str | None = None
    account_id: str | None = None
    before_id: int | None = None


def find_entries(connection: Connection, wanted: Wanted, *, limit: int) -> list[Entry]:
    """The newest ``limit`` entries that are wanted."""
    statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if wanted.action is not None:
        prefix = wanted.action.removesuffix("*")
        exact = prefix == wanted.action
        same = (
            audit.c.action == prefix
            if exact
            else audit.c.action.startswith(prefix, autoescape=True)
        )
        statement = statement.where(same)
    if wanted.subject is not None:
        statement = statement.where(audit.c.subject == wanted.subject)
    if wanted.account_id is not None:
        statement = statement.where(audit.c.account_id == wanted.account_id)
    if wanted.before_id is not None:
        statement = statement.where(audit.c.id < wanted.before_id)
    return [entry_of(row) for row in connection.execute(statement)]
