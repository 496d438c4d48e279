"""Brings the schema up to date with Alembic, under a lock, without a configuration file."""

from functools import partial
from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from cimaise.database.engine import Database

_LOCK: Final = 0x43494D41  # any fixed number: "CIMA"


def _scripts() -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config, ScriptDirectory.from_config(config)


def newest_revision() -> str | None:
    """The revision that this version of the code expects."""
    return _scripts()[1].get_current_head()


def current_revision(connection: Connection) -> str | None:
    """The revision that the database has; ``None`` for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database, *, to: str = "head") -> None:
    """Run every migration that is missing, in one transaction. Processes take turns.

    Args:
        database: Whose schema.
        to: The revision to stop at; the newest one by default.
    """
    database.run_now(partial(_upgrade, to=to))


def _upgrade(connection: Connection, *, to: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config, scripts = _scripts()
    with EnvironmentContext(
        config,
        scripts,
        fn=lambda revision, _context: scripts._upgrade_revs(to, revision),  # noqa: SLF001
    ) as environment:
        environment.configure(
            connection=connection,
            render_as_batch=True,
            transactional_ddl=True,
            transaction_per_migration=False,
        )
        environment.run_migrations()
