"""Brings the schema up to date, under a lock.

A database that is up to date already, as at every start but a few, is recognised without Alembic,
which takes 8 MiB of memory and a twentieth of a second.
"""

from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from cimaise.database.engine import Database, unhurried

_LOCK: Final = 0x43494D41  # any fixed number: "CIMA"
_VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"
_TABLE: Final = "alembic_version"
_HEAD: Final = "head"


def newest_revision() -> str:
    """The revision that this version of the code expects: the number of the last migration."""
    return max(path.name[1:5] for path in _VERSIONS.glob("v[0-9][0-9][0-9][0-9]_*.py"))


def current_revision(connection: Connection) -> str | None:
    """The revision that the database has; ``None`` for an empty one."""
    if not inspect(connection).has_table(_TABLE):
        return None
    found: str | None = connection.scalar(text(f"select version_num from {_TABLE}"))  # noqa: S608
    return found


def migrate(database: Database, *, to: str = _HEAD) -> None:
    """Run every migration that is missing, in one transaction. Processes take turns.

    Args:
        database: Whose schema.
        to: The revision to stop at; the newest one by default.
    """
    database.run_now(partial(_upgrade, to=to))


def _upgrade(connection: Connection, *, to: str) -> None:
    unhurried(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if to == _HEAD and current_revision(connection) == newest_revision():
        return
    from cimaise.database.upgrade import upgrade  # noqa: PLC0415  # see the top of the file

    upgrade(connection, to=to)
