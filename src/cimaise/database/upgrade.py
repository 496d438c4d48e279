"""Runs migrations with Alembic, without a configuration file. Imported only where one is missing."""

from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_FOLDER: Final = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, *, to: str) -> None:
    """Run every migration that is missing, up to the revision ``to`` or ``head``.

    In the transaction of ``connection``.
    """
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
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
